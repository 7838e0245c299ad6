"""Proves a statement without a database: each hash is computed anew from the lines alone.

usage: python3 verify_statement.py USER_ID < statement.ndjson
"""
import datetime, hashlib, json, struct, sys

user_id = int(sys.argv[1])
EPOCH = datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc)
DECODER = json.JSONDecoder(parse_int=str, parse_float=str)

def members(line):
    """The text of each member as it is in the line: a parser would make 1.1 of 1.10."""
    texts, at = {}, 1
    while line[at - 1] != "}":
        name, at = DECODER.raw_decode(line, at)
        _, end = DECODER.raw_decode(line, at + 1)
        texts[name], at = line[at + 1:end], end + 1
    return texts

def bigint(value):
    return 20, None if value is None else struct.pack(">q", int(value))

def text(value):
    return 17, None if value is None else value.encode()

def numeric(value):
    """How many digits in base 10000, weight of the first, sign, scale; then the digits."""
    rest, digits = int(value.lstrip("-").replace(".", "")) * 100, []
    while rest:
        rest, digit = divmod(rest, 10000)
        digits.insert(0, digit)
    weight = len(digits) - 2 if digits else 0
    while digits and digits[-1] == 0:
        digits.pop()
    sign = 0x4000 if value.startswith("-") else 0
    return 1700, struct.pack(f">HhHH{len(digits)}H", len(digits), weight, sign, 2, *digits)

def moment(value):
    since = datetime.datetime.fromisoformat(value.replace("Z", "+00:00")) - EPOCH
    return 1184, struct.pack(">q", since // datetime.timedelta(microseconds=1))

def hash_of(previous, line):
    texts, entry = members(line), json.loads(line)
    transfer = entry.get("transfer", {})
    fields = [
        bigint(user_id), bigint(entry["seq"]), text(entry["action"]), numeric(entry["amount"]),
        moment(entry["ts"]), numeric(entry["balance"]), moment(entry["posted_at"]),
        text(entry.get("idempotency_key")), text(texts.get("metadata")), numeric(entry["held"]),
        bigint(entry.get("hold")), bigint(entry.get("reverses")),
        bigint(transfer.get("user_id")), bigint(transfer.get("seq"))]
    record = struct.pack(">i", len(fields))
    for oid, value in fields:
        record += struct.pack(">ii", oid, -1 if value is None else len(value)) + (value or b"")
    return hashlib.sha256(previous + b"\x02" + record).hexdigest()

lines = [line.decode() for line in sys.stdin.buffer]
if len(lines) < 2 or not lines[-1].startswith('{"closing"'):
    sys.exit("the statement broke off: it has no closing line")
last, closing = json.loads(lines[0])["opening"], json.loads(lines[-1])["closing"]
for line in lines[1:-1]:
    entry = json.loads(line)
    previous = bytes.fromhex(last["hash"]) if last["hash"] else bytes(32)
    if entry["seq"] != last["seq"] + 1 or hash_of(previous, line) != entry["hash"]:
        sys.exit(f"entry {entry['seq']}: not the one that followed entry {last['seq']}")
    last = entry
if any(closing[name] != last[name] for name in ("seq", "balance", "hash")):
    sys.exit("the closing line is about another entry than the last one")
print(f"{len(lines) - 2} entries, the last hash is {closing['hash']}")
