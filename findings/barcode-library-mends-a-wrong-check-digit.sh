#!/usr/bin/env bash
# One would guess: a mistyped EAN is refused for its check digit; that is what the digit is for.
# What happens: python-barcode throws the check digit away and puts its own: a number with a wrong
#   digit becomes a valid label of ANOTHER number, one of 17 digits is cut to a valid 13. A reader
#   cannot tell. For Code 39 it adds a check letter that readers hand out as part of the text: the
#   label of ABC is read as ABCX.
# Why it matters to a shop: labels and pick lists printed from a list with a typo scan well and are
#   some other product; printed coupon codes come back a letter longer and are unknown.
# Seen with: python-barcode 0.16.1, zxing-cpp 3.1.1, pillow 13.0.0, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install python-barcode==0.16.1 zxing-cpp==3.1.1 pillow==13.0.0
run_python <<'EOF'
from io import BytesIO

import barcode
import zxingcpp
from barcode.writer import ImageWriter
from PIL import Image


def scanned(kind, text):
    label = BytesIO()
    barcode.get(kind, text, writer=ImageWriter()).write(label)
    return [found.text for found in zxingcpp.read_barcodes(Image.open(label).convert("L"))]


seen("right digit", scanned("ean13", "6901234567892"), ["6901234567892"])
seen("typo in the check digit", scanned("ean13", "6901234567890"), ["6901234567892"])
seen("typo in another digit", scanned("ean13", "6901234577892"), ["6901234577891"])
seen("17 digits", scanned("ean13", "69012345678921234"), ["6901234567892"])
seen("Code 39", scanned("code39", "ABC"), ["ABCX"])
EOF
