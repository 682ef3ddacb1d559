#!/usr/bin/env bash
# One would guess: a Date that shows 11 November 00:00 in the shop's zone shows so in the workbook.
# What happens: ExcelJS writes the UTC reading into the cell, which has no zone. In Shanghai midnight
#   of the 11th stands in the sheet as 10 November 16:00. Reading is the mirror: a cell that says
#   20:00 becomes 04:00 of the next day. Written and read back by ExcelJS itself nothing shows.
# Why it matters to a shop: in an export from a Node back office every order of the first 8 hours of a
#   day is on the day before; a plan filled in by staff opens 8 hours late. A test that reads its own
#   file, or a server that runs in UTC, passes.
# Seen with: exceljs 4.4.0, Node 20; openpyxl 3.1.5, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install openpyxl==3.1.5
npm_install exceljs@4.4.0
export TZ=Asia/Shanghai
run_python <<'EOF'
from datetime import datetime

import openpyxl

book = openpyxl.Workbook()
book.active.append([datetime(2026, 11, 11, 20, 0)])
book.save("plan.xlsx")
EOF
run_node <<'EOF'
const { Workbook } = require("exceljs");
(async () => {
  const book = new Workbook();
  book.addWorksheet("orders").addRow([new Date(2026, 10, 11, 0, 0)]).getCell(1).numFmt = "yyyy-mm-dd hh:mm";
  await book.xlsx.writeFile("orders.xlsx");
  const first = async (name) => {
    const read = new Workbook();
    await read.xlsx.readFile(name);
    return read.worksheets[0].getCell("A1").value.toLocaleString("sv");
  };
  seen("its own file", await first("orders.xlsx"), "2026-11-11 00:00:00");
  seen("a cell of 2026-11-11 20:00", await first("plan.xlsx"), "2026-11-12 04:00:00");
})();
EOF
run_python <<'EOF'
import openpyxl

seen("written for 2026-11-11 00:00", str(openpyxl.load_workbook("orders.xlsx").active["A1"].value),
     "2026-11-10 16:00:00")
EOF
