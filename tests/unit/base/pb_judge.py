"""Reads messages (a length byte, then the message), writes for each 1 if protobuf parses it, else 0."""
import sys
import warnings

from google.protobuf import empty_pb2
from google.protobuf.message import DecodeError


def parses(message):
    # It stops at a stray end of group or at field 0, with a warning only: that is no whole parse.
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        try:
            empty_pb2.Empty().ParseFromString(message)
        except DecodeError:
            return False
        return not seen


data = sys.stdin.buffer.read()
at = 0
while at < len(data):
    print(int(parses(data[at + 1 : at + 1 + data[at]])), end="")
    at += 1 + data[at]
