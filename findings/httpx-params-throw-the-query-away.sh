#!/usr/bin/env bash
# One would guess: params= are added to the query that the address has, as in requests.
# What happens: httpx replaces the whole query by them. Even an empty dict, or params that are set on
#   the client for all calls, take the address's own query away. Nothing warns.
# Why it matters to a shop: links with a signature, a cursor ("next page") or a campaign's tags lose
#   them as soon as someone adds a parameter: the first page comes again and again and counts twice,
#   or the order is credited to no campaign.
# Seen with: httpx 0.28.1, requests 2.34.2, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install httpx==0.28.1 requests==2.34.2
run_python <<'EOF'
import httpx
import requests

link = "https://shop.example/orders?cursor=abc"
seen("requests", requests.Request("GET", link, params={"limit": 50}).prepare().url,
     "https://shop.example/orders?cursor=abc&limit=50")
seen("httpx", str(httpx.Request("GET", link, params={"limit": 50}).url),
     "https://shop.example/orders?limit=50")
seen("httpx, params={}", str(httpx.Request("GET", link, params={}).url),
     "https://shop.example/orders")
with httpx.Client(params={"shop": "7"}) as client:
    seen("httpx, params of the client", str(client.build_request("GET", link).url),
         "https://shop.example/orders?shop=7")
seen("httpx, without params", str(httpx.Request("GET", link).url), link)
EOF
