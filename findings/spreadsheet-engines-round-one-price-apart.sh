#!/usr/bin/env bash
# One would guess: libraries that calculate workbooks agree on INT and ROUND, the two most used.
# What happens: they do not. ROUND(0.285,2) is 0.28 in formulas and HyperFormula and 0.29 in pycel; so
#   is ROUND(1.005,2), 1.00 or 1.01. INT(-2.5) is -2 in HyperFormula, which cuts towards zero, and -3
#   in formulas and pycel, which go down to the next whole number. MOD(-7,3) is 2 in
#   all of them, so that INT and MOD no longer fit each other in HyperFormula.
# Why it matters to a shop: prices, shares and points are calculated in sheets. Checked by one of the
#   libraries and shown by another they differ by a cent, and points of a refund by one point.
# Seen with: formulas 1.3.4, pycel 1.0b30, Python 3.11; hyperformula 3.5.0, Node 20.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install formulas==1.3.4 pycel==1.0b30 openpyxl==3.1.5
npm_install hyperformula@3.5.0
run_python <<'EOF'
import formulas
import openpyxl
from pycel import ExcelCompiler

asked = {"ROUND(0.285,2)": (0.28, 0.29), "ROUND(1.005,2)": (1.0, 1.01), "INT(-2.5)": (-3, -3),
         "MOD(-7,3)": (2, 2), "ROUND(2.5,0)": (3, 3)}
book = openpyxl.Workbook()
for row, formula in enumerate(asked, 1):
    book.active.cell(row, 1, f"={formula}")
book.save("prices.xlsx")
pycel = ExcelCompiler("prices.xlsx")
for row, (formula, (by_formulas, by_pycel)) in enumerate(asked.items(), 1):
    seen(f"formulas {formula}", float(formulas.Parser().ast(f"={formula}")[1].compile()()), float(by_formulas))
    seen(f"pycel {formula}", float(pycel.evaluate(f"Sheet!A{row}")), float(by_pycel))
EOF
run_node <<'EOF'
const { HyperFormula } = require("hyperformula");
for (const [formula, expected] of [["ROUND(0.285,2)", 0.28], ["ROUND(1.005,2)", 1], ["INT(-2.5)", -2],
  ["MOD(-7,3)", 2], ["ROUND(2.5,0)", 3]]) {
  const sheet = HyperFormula.buildFromArray([[`=${formula}`]], { licenseKey: "gpl-v3" });
  seen(`HyperFormula ${formula}`, sheet.getCellValue({ sheet: 0, row: 0, col: 0 }), expected);
}
EOF
