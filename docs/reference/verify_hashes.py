"""Proves the hashes of a statement: python3 verify_hashes.py USER_ID < statement.ndjson"""
import datetime, hashlib, json, struct, sys

def bigint(value):
    return 20, None if value is None else struct.pack(">q", int(value))

def text(value):
    return 17, None if value is None else value.encode()

def numeric(value):
    rest, digits = int(value.lstrip("-").replace(".", "")) * 100, []
    while rest:
        rest, digit = divmod(rest, 10000)
        digits.insert(0, digit)
    weight = len(digits) - 2 if digits else 0
    while digits and digits[-1] == 0:
        digits.pop()
    head = len(digits), weight, 0x4000 if value.startswith("-") else 0, 2
    return 1700, struct.pack(f">HhHH{len(digits)}H", *head, *digits)

def moment(value):
    epoch = datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc)
    since = datetime.datetime.fromisoformat(value.replace("Z", "+00:00")) - epoch
    return 1184, struct.pack(">q", since // datetime.timedelta(microseconds=1))

opening, *lines, closing = [line.decode() for line in sys.stdin.buffer]
last = json.loads(opening)["opening"]
for line in lines:
    e, at = json.loads(line), line.find('"metadata":')  # as it is stored, not as a parser reads it
    metadata = None if at < 0 else line[at + 11:json.JSONDecoder().raw_decode(line, at + 11)[1]]
    fields = (bigint(sys.argv[1]), bigint(e["seq"]), text(e["action"]), numeric(e["amount"]), moment(e["ts"]),
              numeric(e["balance"]), moment(e["posted_at"]), text(e.get("idempotency_key")), text(metadata),
              numeric(e["held"]), bigint(e.get("hold")), bigint(e.get("reverses")),
              *(bigint(e.get("transfer", {}).get(name)) for name in ("user_id", "seq")))
    record = b"".join(struct.pack(">ii", oid, -1 if b is None else len(b)) + (b or b"") for oid, b in fields)
    before = bytes.fromhex(last["hash"] or "00" * 32)
    if hashlib.sha256(before + b"\x02" + struct.pack(">i", 14) + record).hexdigest() != e["hash"]:
        sys.exit(f"entry {e['seq']}: not the one that followed entry {last['seq']}")
    last = e
sys.exit(json.loads(closing)["closing"]["hash"] != last["hash"] and "the closing line is of another entry")
