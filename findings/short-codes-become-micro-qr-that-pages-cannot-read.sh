#!/usr/bin/env bash
# One would guess: the same call makes the same kind of code for a short coupon code and for a link.
# What happens: segno.make turns short texts into Micro QR, with one corner mark instead of three, and
#   longer ones into QR. jsQR, the usual reader of web pages, finds nothing in a Micro QR;
#   zxing-cpp reads it. make_qr always gives QR.
# Why it matters to a shop: the link on the poster scans in the shop's page or till, the codes on the
#   coupons do not, and which of them work depends on their length.
# Seen with: segno 1.6.6, zxing-cpp 3.1.1, pillow 13.0.0, Python 3.11; jsqr 1.4.0, pngjs 7.0.0, Node 20.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install segno==1.6.6 zxing-cpp==3.1.1 pillow==13.0.0
npm_install jsqr@1.4.0 pngjs@7.0.0
run_python <<'EOF'
import segno
import zxingcpp
from PIL import Image

for name, text in (("short", "SAVE50NOW"), ("long", "https://shop.example/c/SAVE50NOW")):
    code = segno.make(text)
    code.save(f"{name}.png", scale=8, border=4)
    seen(f"{text} is Micro QR", code.is_micro, name == "short")
    seen(f"{text}, by zxing-cpp", [found.text for found in zxingcpp.read_barcodes(Image.open(f"{name}.png").convert("L"))],
         [text])
segno.make_qr("SAVE50NOW").save("full.png", scale=8, border=4)
EOF
run_node <<'EOF'
const { readFileSync } = require("fs");
const jsQR = require("jsqr");
const { PNG } = require("pngjs");
const read = (name) => {
  const { data, width, height } = PNG.sync.read(readFileSync(name));
  const found = jsQR(new Uint8ClampedArray(data), width, height);
  return found && found.data;
};
seen("short code, by jsQR", read("short.png"), null);
seen("long code", read("long.png"), "https://shop.example/c/SAVE50NOW");
seen("short code made by make_qr", read("full.png"), "SAVE50NOW");
EOF
