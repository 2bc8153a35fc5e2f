"""Waiting for a condition: the only way in which a test spends time."""
import os
import time

# Slow machines, sanitizers and crowded ones: one factor for all limits.
SCALE = float(os.environ.get("TERN_TIME_SCALE", "1"))


def wait_until(condition, timeout=15, what=None, show=None):
    """Polls until condition() is true and returns its value. On failure says what was awaited and
    what show() gives."""
    end = time.monotonic() + timeout * SCALE
    pause = 0.01
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            text = f"not within {timeout * SCALE:g} s: {what or condition}"
            raise AssertionError(text + (f"\n{show()}" if show else ""))
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def stays(condition, seconds, what=None):
    """condition() must hold all the time; for things that must not happen."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert condition(), f"not for {seconds} s: {what or condition}"
        time.sleep(0.05)
