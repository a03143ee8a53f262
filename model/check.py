#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs Spin on the models.

usage: check.py --list           all checks, as "name argument..."
       check.py MODEL            all scenes of a model: no error, and every line is reached
       check.py MODEL progress   no scene has an execution without end
       check.py MODEL PLANT      Spin must find the planted bug, by the clause that it breaks

Exit status 0, 1, or 77 (skipped) where spin or gcc is not installed.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SCENES = {"lane": 15, "commit": 3, "netns": 3, "request": 1}
# In the scenes left out the search takes long; they have the same loops.
PROGRESS = {"lane": (1, 4, 7, 8, 10, 11, 12), "netns": (1, 2, 3), "request": (1,)}
LARGE = {("lane", 2), ("lane", 3), ("lane", 5), ("lane", 6), ("lane", 9), ("lane", 13), ("lane", 14),
         ("lane", 15), ("commit", 1), ("commit", 3)}
# Where something goes round for ever, only those executions count in which everybody gets a turn.
FAIR = {("lane", 12)}
DEPTH, MEMORY_MB = 20000, 900
ENDLESS = "no end"

# model: {plant: (scene, the clause whose check finds it)}. An operation that never ends is
# found by L6, whatever made it wait.
PLANTS = {
    "lane": {
        "OVERTAKE": (1, "L2"),
        "CHILD_REENTERS": (1, "L6"),
        "UPWARD_WAIT": (1, "L6"),
        "CHILD_FORGOTTEN": (3, "L6"),
        "SEAL_UNSEEN": (3, "L5"),
        "BIRTH_UNDER_SEALED": (4, "L5"),
        "NO_PARKING": (2, "L6"),
        "PARENT_PARKED_ALONE": (2, "L1"),
        "DOUBLE_RELEASE": (2, "L1"),
        "DEADLINE_ONLY_AT_LANE": (3, "L6"),
        "NO_JOIN_DEADLINE": (6, "L6"),
        "PARKED_KEEPS_SEAL": (5, "L6"),
        "SHUTS_FOR_WHAT_LASTS": (10, "L6"),
        "FORGETS_TO_SHUT": (12, "L2"),
        "PASSES_FOR_EVER": (12, ENDLESS),
        "ALONE_IN_A_ROW": (11, "L2"),
        "GIVES_UP_TWICE": (9, "L6"),
        "PASSES_A_SEAL": (14, "L5"),
        "OPENS_BESIDE_PARKED": (13, "L5"),
    },
    "commit": {
        "EDIT_IN_PLACE": (1, "C1"),
        "FREE_AT_ONCE": (3, "C1"),
        "PRIVATE_COPY_SWAP": (1, "C3"),
        "EDIT_NOT_ALONE": (1, "C2"),
        "NOTIFY_BEFORE_COMMIT": (1, "C3"),
        "NOTIFY_UNLOCKED": (1, "C3"),
        "REPLY_FIRST": (1, "C4"),
        "PARKED_LOOKED_EARLY": (2, "C5"),
    },
    "netns": {
        "SWAP_BEFORE_INSERT": (1, "N5"),
        "REMOVE_BEFORE_SWAP": (1, "N5"),
        "DEAD_CHECK_BEFORE_INSERT": (1, "N6"),
        "WALK_BEFORE_DEAD": (1, "N6"),
        "RETURN_REFUSED": (1, "N6"),
        "YANK_MOVED_ON": (1, "N7"),
        "REFUSAL_STAYS": (1, "N6"),
        "RETURN_TRIES_AGAIN": (1, ENDLESS),
        "NO_LOOK_ON_LANE": (1, "N9"),
        "ANNOUNCE_BEFORE_SWAP": (1, "N10"),
    },
    "request": {
        "BOTH_ANSWER": (1, "R1"),
        "NOT_TOLD": (1, "R1"),
        "SESSION_FREES": (1, "R2"),
        "LOOKED_BEFORE_CLAIM": (1, "R2"),
    },
}


class Failure(Exception):
    pass


def run(command, where):
    return subprocess.run(command, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False)


class Search:
    """One run of a verifier, in a folder of its own."""

    def __init__(self, model, scene, plant=None, endless=False):
        self.model, self.scene, self.endless = model, scene, endless
        self.fair = endless and (model, scene) in FAIR
        self.source = HERE / f"{model}.pml"
        self.defines = [f"-DSCENE={scene}"] + ([f"-DPLANT_{plant}"] if plant else [])
        # What is found soon is found sooner than an optimising compiler is done.
        self.optimise = "-O1" if (model, scene) in LARGE and not plant else "-O0"

    def __enter__(self):
        self.temp = tempfile.TemporaryDirectory(prefix="model-")
        self.dir = pathlib.Path(self.temp.name)
        begin = time.monotonic()
        self.build()
        options = (["-l"] if self.endless else []) + (["-f"] if self.fair else [])
        result = run(["./pan", f"-m{DEPTH}", *options], self.dir)
        self.seconds = time.monotonic() - begin
        self.status, self.output = result.returncode, result.stdout
        return self

    def __exit__(self, *_):
        self.temp.cleanup()

    def build(self):
        result = run(["spin", "-a", *self.defines, str(self.source)], self.dir)
        errors = [line for line in result.stdout.splitlines() if "rror" in line]
        if errors or not (self.dir / "pan.c").exists():
            raise Failure("\n".join(errors) or result.stdout)
        flags = ["-DNP"] if self.endless else ["-DSAFETY"]
        flags += [] if self.fair else ["-DNOFAIR"]
        result = run(["gcc", self.optimise, "-w", *flags, "-DCOLLAPSE",
                      "-DVECTORSZ=1024", f"-DMEMLIM={MEMORY_MB}", "-o", "pan", "pan.c"], self.dir)
        if result.returncode:
            raise Failure(result.stdout)

    def number(self, pattern):
        match = re.search(pattern, self.output)
        return float(match[1]) if match else -1

    def errors(self):
        return int(self.number(r"errors: (\d+)"))

    def complete(self):
        """Raises Failure unless the whole state space was searched."""
        for bad in ("max search depth too small", "Search not completed", "reached -DMEMLIM",
                    "out of memory"):
            if bad in self.output:
                raise Failure(f"{self.model} scene {self.scene}: {bad}\n{self.output}")
        if self.errors() < 0:
            raise Failure(self.output)

    def summary(self):
        states = self.number(r"([0-9.e+]+) states, stored")
        depth = self.number(r"depth reached (\d+)")
        memory = self.number(r"([0-9.]+)\s+total actual memory")
        return (f"{self.model} scene {self.scene}: {states:.0f} states, depth {depth:.0f}, "
                f"{memory:.0f} MB, {self.seconds:.1f} s")

    def found(self):
        """The clause of the check that failed, or what else pan says is wrong."""
        if "non-progress cycle" in self.output:
            return ENDLESS
        if "invalid end state" in re.sub(r"invalid end states\s+[-+]", "", self.output):
            return "deadlock"
        trail = self.dir / f"{self.model}.pml.trail"
        replay = run(["spin", "-t", "-k", str(trail), *self.defines, str(self.source)], self.dir)
        where = re.search(r"\.pml:(\d+), Error: assertion violated", replay.stdout)
        if not where:
            return "unknown: " + replay.stdout[-500:]
        # Spin names the line on which a condition ends.
        lines = self.source.read_text().splitlines()
        for number in range(int(where[1]), max(0, int(where[1]) - 3), -1):
            clause = re.findall(r"MUST\((\w+)", lines[number - 1])
            if clause:
                return clause[-1]
        return f"line {where[1]}"

    def unreached(self):
        """(process, state, line, statement) that no execution came to. The code of all
        scenes is the same but for init, and so are the numbers of its states."""
        states, process = set(), None
        for line in self.output.splitlines():
            head = re.match(r"unreached in proctype (\w+)", line)
            state = re.match(r"\s+\S*/\w+\.pml:(\d+), state (\d+), \"(.*)\"", line)
            if head:
                process = head[1]
            elif line.startswith("unreached in"):
                process = None
            elif state and process:
                states.add((process, int(state[2]), int(state[1]), state[3]))
        return states


# What nothing reaches, and why that is right.
NEVER = {
    ("clock", "-end-"),                              # time passes for ever
    ("always", "-end-"), ("always", "assert(0)"),    # a breach of N5
    ("grace_periods", "-end-"), ("session", "-end-"), # they serve for ever
    ("homecoming", "(run homecoming(0))"),           # the initial namespace does not die
    ("remover", "parent_told = ( (registered) -> (place) : (255) )"), # scene 2 has no remover
}


def check_model(model):
    unreached = None
    for scene in range(1, SCENES[model] + 1):
        with Search(model, scene) as search:
            if search.errors() > 0:
                raise Failure(f"{search.summary()}: breaks {search.found()}\n"
                              f"{replay_hint(search)}\n{search.output}")
            search.complete()
            print(search.summary())
            never = search.unreached()
            unreached = never if unreached is None else unreached & never
    unreached = sorted(state for state in unreached if (state[0], state[3]) not in NEVER)
    for process, _, line, statement in unreached:
        print(f"{model}.pml:{line}: {process}: no scene reaches: {statement}")
    if unreached:
        raise Failure("a part of the model that nothing reaches proves nothing")


def replay_hint(search):
    return ("to see how: spin -a {0} {1}; gcc -DSAFETY -o pan pan.c; ./pan; "
            "spin -t -p -g {0} {1}".format(" ".join(search.defines), search.source))


def check_progress(model):
    for scene in PROGRESS[model]:
        with Search(model, scene, endless=True) as search:
            if search.errors() > 0:
                raise Failure(f"{search.summary()}: {search.found()}")
            search.complete()
            print(search.summary() + ": every execution ends")


def check_plant(model, plant):
    scene, clause = PLANTS[model][plant]
    with Search(model, scene, plant, endless=clause == ENDLESS) as search:
        if search.errors() < 1:
            raise Failure(f"Spin did not find {plant}:\n{search.output}")
        found = search.found()
        if found != clause:
            raise Failure(f"{plant} was to break {clause}, but broke {found}")
        print(f"{search.summary()}: {plant} breaks {found}, as it must")


def checks():
    for model in SCENES:
        yield model, [model]
        if model in PROGRESS:
            yield f"{model}-progress", [model, "progress"]
        for plant in PLANTS[model]:
            yield f"{model}-plant-{plant.lower().replace('_', '-')}", [model, plant]


def main():
    args = sys.argv[1:]
    if args == ["--list"]:
        for name, arguments in checks():
            print(name, *arguments)
        return 0
    if args not in [arguments for _, arguments in checks()]:
        print(__doc__, file=sys.stderr)
        return 1
    for tool in ("spin", "gcc"):
        if not shutil.which(tool):
            print(f"{tool} is not installed: skipped")
            return 77
    try:
        if len(args) == 1:
            check_model(args[0])
        elif args[1] == "progress":
            check_progress(args[0])
        else:
            check_plant(*args)
    except Failure as failure:
        print(f"FAILED: {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
