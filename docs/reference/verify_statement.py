"""Proves a statement without a database: each hash is computed anew from the lines alone.

usage: python3 verify_statement.py USER_ID [ARCHIVE] < statement.ndjson

ARCHIVE is a file of npm run archive, with the metadata of entries that were archived.

exit codes: 0 every entry is proved, 1 one isn't, or the statement broke off, 2 USER_ID isn't known,
3 some can't be proved alone, as something of them was erased or archived; the others are proved
"""
import datetime, hashlib, json, struct, sys

if len(sys.argv) not in (2, 3) or not sys.argv[1].isdigit():
    help_wanted = sys.argv[1:2] in (["-h"], ["--help"])
    print(__doc__.strip(), file=sys.stdout if help_wanted else sys.stderr)
    sys.exit(0 if help_wanted else 2)
user_id = int(sys.argv[1])
EPOCH = datetime.datetime(2000, 1, 1, tzinfo=datetime.timezone.utc)
DECODER = json.JSONDecoder(parse_int=str, parse_float=str)

def past_spaces(line, at):
    while line[at] == " ":
        at += 1
    return at

def members(line):
    """The text of each member as it is in the line: a parser would make 1.1 of 1.10."""
    texts, at = {}, 1
    while line[at - 1] != "}":
        name, at = DECODER.raw_decode(line, past_spaces(line, at))
        start = past_spaces(line, at + 1)
        _, end = DECODER.raw_decode(line, start)
        texts[name], at = line[start:end], end + 1
    return texts

def bigint(value):
    return 20, None if value is None else struct.pack(">q", int(value))

def text(value, oid, prefix=b""):
    return oid, None if value is None else prefix + value.encode()

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

# By version: the oids of text and of metadata, and what begins the bytes of the latter.
LAYOUTS = {b"\x02": (17, 17, b""), b"\x01": (25, 3802, b"\x01")}

def hash_of(previous, line, metadata, version):
    text_oid, json_oid, prefix = LAYOUTS[version]
    entry = json.loads(line)
    transfer = entry.get("transfer", {})
    fields = [
        bigint(user_id), bigint(entry["seq"]), text(entry["action"], text_oid),
        numeric(entry["amount"]), moment(entry["ts"]), numeric(entry["balance"]),
        moment(entry["posted_at"]), text(entry.get("idempotency_key"), text_oid),
        text(metadata, json_oid, prefix), numeric(entry["held"]),
        bigint(entry.get("hold")), bigint(entry.get("reverses")),
        bigint(transfer.get("user_id")), bigint(transfer.get("seq"))]
    record = struct.pack(">i", len(fields))
    for oid, value in fields:
        record += struct.pack(">ii", oid, -1 if value is None else len(value)) + (value or b"")
    return hashlib.sha256(previous + version + record).hexdigest()

def cents(value):
    return int(value.replace(".", ""))

def adds_up(last, entry):
    change = cents(entry["amount"]) * (1 if entry["action"] == "CREDIT" else -1)
    return cents(last["balance"]) + change == cents(entry["balance"])

archived = {}
for line in open(sys.argv[2], encoding="utf-8") if len(sys.argv) == 3 else ():
    texts = members(line)
    if int(texts["user_id"]) == user_id:
        archived[int(texts["seq"]), json.loads(texts["hash"])] = texts["metadata"]

lines = [line.decode() for line in sys.stdin.buffer]
if len(lines) < 2 or not lines[-1].startswith('{"closing"'):
    sys.exit("the statement broke off: it has no closing line")
last, closing = json.loads(lines[0])["opening"], json.loads(lines[-1])["closing"]
unproved = {"erased": 0, "archived": 0}
for line in lines[1:-1]:
    entry = json.loads(line)
    previous = bytes.fromhex(last["hash"]) if last["hash"] else bytes(32)
    metadata, gone = members(line).get("metadata"), None
    if "erased_by" in entry:
        gone = "erased"
    elif "archived_by" in entry:
        metadata = archived.get((entry["seq"], entry["hash"]))
        gone = None if metadata else "archived"
    if gone:
        unproved[gone] += 1
    fits = gone or entry["hash"] in [hash_of(previous, line, metadata, v) for v in LAYOUTS]
    if entry["seq"] != last["seq"] + 1 or not adds_up(last, entry) or not fits:
        sys.exit(f"entry {entry['seq']}: not the one that followed entry {last['seq']}")
    last = entry
if any(closing[name] != last[name] for name in ("seq", "balance", "hash")):
    sys.exit("the closing line is about another entry than the last one")


def counted(count):
    return f"{count} {'entry' if count == 1 else 'entries'}"


print(f"{counted(len(lines) - 2)}, the last hash is {closing['hash']}")
for why, count in unproved.items():
    if count:
        print(f"{counted(count)} can't be proved alone: {why}")
sys.exit(3 if any(unproved.values()) else 0)
