"""src/sync/tern.proto and src/sync/instruction.c say the same: protoc reads what the code writes,
and the code reads what protoc writes."""

import subprocess
import sys

TEXT = """
protocol_version: 2 old_num: 5 new_num: 18446744073709551615 ack_num: 7 throwaway_num: 4
diff: "diff" chaff: "chaff" caps: 7
facts { seq: 9 consumed: 123456789 tty: 7 }
facts_ack: 3
log_data { id: 0 offset: 100 bytes: "bell" }
log_data { id: 1 offset: 1099511627776 bytes: "line" }
log_ack { id: 0 next: 50 limit: 1000 }
log_ack { id: 1 next: 60 limit: 2000 range { start: 70 end: 80 } range { start: 90 end: 95 } }
"""


def run(*command, stdin=b""):
    return subprocess.run(command, input=stdin, stdout=subprocess.PIPE, check=True).stdout


def main(protoc, proto_dir, tool):
    options = ["--proto_path=" + proto_dir, proto_dir + "/tern.proto"]
    ours = run(tool, "encode")
    decoded = run(protoc, "--decode=Instruction", *options, stdin=ours).decode()
    assert decoded.split() == TEXT.split(), decoded
    # No line of numbers: every field was known to the .proto.
    assert not any(word.rstrip(":").isdigit() and word.endswith(":") for word in decoded.split())
    theirs = run(protoc, "--encode=Instruction", *options, stdin=TEXT.encode())
    assert theirs == ours, (theirs, ours)
    assert run(tool, "decode", stdin=theirs).decode().split() == TEXT.split()
    # An instruction without a state.
    text = 'protocol_version: 2 ack_num: 9 chaff: "" facts_ack: 1'
    theirs = run(protoc, "--encode=Instruction", *options, stdin=text.encode())
    assert run(tool, "decode", stdin=theirs).decode().split() == text.split()


main(*sys.argv[1:])
