"""The plot of the echo distributions: how many of the keys had shown after so many milliseconds. Plain SVG."""
import math
from xml.sax.saxutils import escape

LOW, HIGH = 0.3, 60000.0  # ms, the axis
PANEL_W, PANEL_H, GAP_X, GAP_Y, LEFT, TOP = 300, 150, 40, 62, 48, 64
COLOURS = {"ssh": "#7a7a7a", "ssh-bbr": "#b8b0a0", "mosh-never": "#d08a00", "mosh-adaptive": "#f0b95a",
           "tern": "#0b62c4", "tern-adaptive": "#58a8ff", "tssh": "#8a3fa0"}
TICKS = [(1, "1"), (10, "10"), (100, "100"), (1000, "1 s"), (10000, "10 s")]


def place(ms):
    """Where a time lies on the axis, 0..PANEL_W."""
    ms = min(max(ms, LOW), HIGH)
    return PANEL_W * math.log(ms / LOW) / math.log(HIGH / LOW)


def curve(values, never):
    """Points of the share of keys shown; keys that never came keep it below the top."""
    values = sorted(values)
    total = len(values) + never
    step = max(1, len(values) // 150)
    points = [(place(values[0]), 0.0)]
    points += [(place(values[i]), (i + 1) / total) for i in range(0, len(values), step)]
    points.append((place(values[-1]), len(values) / total))
    points.append((PANEL_W, len(values) / total))
    return points


def panel(title, curves, x0, y0):
    out = [f'<g transform="translate({x0},{y0})">',
           f'<text x="0" y="-8" font-weight="600">{escape(title)}</text>',
           f'<rect width="{PANEL_W}" height="{PANEL_H}" fill="none" stroke="#ccc"/>']
    for ms, label in TICKS:
        x = place(ms)
        out.append(f'<path d="M{x:.1f} 0V{PANEL_H}" stroke="#eee"/>'
                   f'<text x="{x:.1f}" y="{PANEL_H + 14}" text-anchor="middle" fill="#555">{label}</text>')
    for share in (0, 50, 100):
        y = PANEL_H * (1 - share / 100)
        out.append(f'<path d="M0 {y:.1f}H{PANEL_W}" stroke="#eee"/>'
                   f'<text x="-5" y="{y + 4:.1f}" text-anchor="end" fill="#555">{share} %</text>')
    for name, values, never in curves:
        if values:
            points = " ".join(f"{x:.1f},{PANEL_H * (1 - y):.1f}" for x, y in curve(values, never))
            out.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[name]}" stroke-width="1.8"/>')
    return out + ["</g>"]


def draw(panels, titles):
    """panels: [(title, [(client, milliseconds of each key, keys never shown)])]; titles: {client: name}."""
    columns = min(3, max(1, len(panels)))
    rows = -(-len(panels) // columns)
    width = LEFT + columns * (PANEL_W + GAP_X)
    height = TOP + rows * (PANEL_H + GAP_Y)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
           'font-family="sans-serif" font-size="11">',
           f'<rect width="{width}" height="{height}" fill="#fff"/>',
           f'<text x="{LEFT}" y="16" font-size="13" font-weight="600">Share of typed keys whose answer has shown, by '
           'time since the key (ms, logarithmic)</text>']
    x = LEFT
    for name in [n for n in COLOURS if any(c[0] == n for _, curves in panels for c in curves)]:
        out.append(f'<path d="M{x} 34h18" stroke="{COLOURS[name]}" stroke-width="3"/>'
                   f'<text x="{x + 23}" y="38">{escape(titles[name])}</text>')
        x += 36 + 6.4 * len(titles[name])
    for i, (title, curves) in enumerate(panels):
        out += panel(title, curves, LEFT + (i % columns) * (PANEL_W + GAP_X), TOP + 12 + (i // columns) * (PANEL_H + GAP_Y))
    return "\n".join(out + ["</svg>"]) + "\n"
