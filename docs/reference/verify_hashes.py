"""Proves the hashes of a statement: python3 verify_hashes.py USER_ID < statement.ndjson"""
import datetime, hashlib, json, struct, sys
def bigint(value):
    return 20, None if value is None else struct.pack(">q", int(value))

def text(value):
    return 17, None if value is None else value.encode()

def numeric(value):
    rest, digits = int(value.lstrip("-").replace(".", "")) * 100, []
    while rest:
        rest, digits = rest // 10000, [rest % 10000, *digits]
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
user_id, last = sys.argv[1], json.loads(opening)["opening"]
for line in lines:
    e, at = json.loads(line), line.find('"metadata":')  # as it is stored, not as a parser reads it
    metadata = None if at < 0 else line[at + 11:json.JSONDecoder().raw_decode(line, at + 11)[1]]
    record = bytes.fromhex(last["hash"] or "00" * 32) + b"\x02" + struct.pack(">i", 14)
    for oid, field in (
            bigint(user_id), bigint(e["seq"]), text(e["action"]), numeric(e["amount"]),
            moment(e["ts"]), numeric(e["balance"]), moment(e["posted_at"]),
            text(e.get("idempotency_key")), text(metadata), numeric(e["held"]),
            bigint(e.get("hold")), bigint(e.get("reverses")),
            *(bigint(e.get("transfer", {}).get(name)) for name in ("user_id", "seq"))):
        record += struct.pack(">ii", oid, -1 if field is None else len(field)) + (field or b"")
    if hashlib.sha256(record).hexdigest() != e["hash"]:
        sys.exit(f"entry {e['seq']}: not the one that followed entry {last['seq']}")
    last = e
sys.exit(json.loads(closing)["closing"]["hash"] != last["hash"] and "the last entry is missing")
