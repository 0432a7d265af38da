"""One table of what was measured: every figure beside a baseline of the same run, and the goal."""


def seconds(value):
    return f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.2f} ms" if value >= 1e-3 else f"{value * 1e6:.0f} µs"


def mib(value):
    return f"{value:.1f} MiB"


def plain(value):
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"


class Table:
    HEAD = ("what", "taskbell", "baseline", "its figure", "ratio", "goal", "met")

    def __init__(self):
        self.rows = []
        self.passed_gate = True

    def ratio(self, what, ours, base_name, base, most=None, least=None, show=seconds, gate=False):
        """A figure that is to be at most (or least) so many times the baseline's; `gate`: or the benchmark fails."""
        ratio = ours / base if base else float("inf")
        goal = f"≤ {most:g}" if most is not None else f"≥ {least:g}" if least is not None else "-"
        met = None if goal == "-" else ratio <= most if most is not None else ratio >= least
        self.passed_gate = self.passed_gate and (not gate or met)
        self.add(what, show(ours), base_name, show(base), f"{ratio:.3g}", goal, met)

    def value(self, what, ours, text, goal, met, base_name="-", base="-", ratio="-"):
        """A figure with a goal of its own."""
        self.add(what, text or plain(ours), base_name, base, ratio, goal, met)

    def missing(self, what, why):
        self.add(what, "not measured", why, "-", "-", "-", None)

    def add(self, *row):
        met = {True: "yes", False: "NO", None: "-"}[row[-1]]
        self.rows.append((*row[:-1], met))
        print("  " + " | ".join(self.rows[-1]), flush=True)

    def markdown(self):
        rows = [self.HEAD, *self.rows]
        widths = [max(len(row[i]) for row in rows) for i in range(len(self.HEAD))]
        lines = ["| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |" for row in rows]
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        return "\n".join(lines) + "\n"
