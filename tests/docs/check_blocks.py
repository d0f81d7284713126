"""Checks every fenced block of every document.

    cpp, c, cs   compiled (C++20 and C99, -Wall -Wextra -Werror; C# with the binding of samples/csharp)
    sh run       run in an empty folder with the build's tools on the path and samples/ beside it
    sh, none     each command line must name a tool that exists, options that its --help lists, scripts, presets and
                 CMake options of this repository; a block without any command is a drawing or a format and is left alone
    json, python parsed
    cmake        commands must exist
    text         left alone
"""

import argparse
import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

# Commands of the system that documents may show; what they are given is not checked.
SYSTEM = {"cd", "git", "mcs", "mono", "adb", "sudo", "apt-get", "export", "cp", "mkdir", "cpack", "ctest", "doxygen",
          "vulkaninfo", "for", "done", "conan", "vcpkg", "gradle", "ninja", "cc", "c++", "glslangValidator", "dpkg", "ls",
          "unzip", "pip", "convert", "LD_LIBRARY_PATH"}


def blocks(path):
    """(first line, info string, text) of each fenced block."""
    found, start, info = [], None, ""
    lines = path.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines, 1):
        fence = re.match(r" *```(.*)$", line)
        if not fence:
            continue
        if start is None:
            start, info = number, fence.group(1).strip()
        else:
            found.append((start, info, "\n".join(lines[start:number - 1]) + "\n"))
            start = None
    if start is not None:
        raise ValueError(f"{path}:{start}: the block has no end")
    return found


class Checker:
    def __init__(self, options):
        self.o = options
        self.help, self.problems, self.counts = {}, [], {}
        self.tools = {}
        for folder in ("engine/tools", "converter", "samples"):
            for program in (options.build / folder).rglob("*"):
                if program.is_file() and os.access(program, os.X_OK) and "CMakeFiles" not in program.parts:
                    self.tools.setdefault(program.name, program)
        texts = [p.read_text(errors="replace") for p in options.source.rglob("CMakeLists.txt")
                 if "build" not in p.relative_to(options.source).parts]
        texts += [p.read_text(errors="replace") for p in options.source.rglob("*.cmake")
                  if "build" not in p.relative_to(options.source).parts]
        self.cmake_text = "\n".join(texts)
        # A program may be left out of a build; then its name is all that can be checked.
        self.programs = set(re.findall(r"add_executable\(([\w-]+)", self.cmake_text))
        presets = json.loads((options.source / "CMakePresets.json").read_text())
        self.presets = {p["name"] for p in presets["configurePresets"]}
        listed = subprocess.run(["cmake", "--help-command-list"], capture_output=True, text=True, check=True)
        self.cmake_commands = set(listed.stdout.split())

    def run(self, command, **more):
        return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=300, **more)

    def compile(self, command):
        done = self.run(command)
        return (done.stdout + done.stderr) if done.returncode else None

    def cpp(self, text, folder):
        file = folder / "block.cpp"
        if "int main" not in text and "#include" not in text:
            text = ("#include <nibble/nibble.h>\n#include <nibble/vulkan.h>\nvoid block();\nvoid block() {\n" + text + "}\n")
        file.write_text(text)
        return self.compile([self.o.cxx, "-std=c++20", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                             "-I", self.o.source / "engine/include", "-I", self.o.vulkan, file])

    def c(self, text, folder):
        file = folder / "block.c"
        file.write_text(text)
        return self.compile([self.o.cc, "-std=c99", "-Wall", "-Wextra", "-Werror", "-fsyntax-only",
                             "-I", self.o.source / "engine/include", "-I", self.o.vulkan, file])

    def cs(self, text, folder):
        if not self.o.mcs or self.o.mcs.endswith("NOTFOUND"):
            return None
        file = folder / "block.cs"
        file.write_text(text)
        return self.compile([self.o.mcs, "-target:library", "-warnaserror", f"-out:{folder}/block.dll",
                             self.o.source / "samples/csharp/Nibble.cs", file])

    def shell_run(self, text, folder):
        where = folder / "run"
        where.mkdir()
        (where / "samples").symlink_to(self.o.source / "samples")
        path = os.pathsep.join(sorted({str(p.parent) for p in self.tools.values()})) + os.pathsep + os.environ["PATH"]
        done = self.run(["bash", "-euo", "pipefail", "-c", text], cwd=where, env={**os.environ, "PATH": path})
        return f"ended with {done.returncode}:\n{done.stdout}{done.stderr}" if done.returncode else None

    def options_of(self, tool):
        if tool not in self.help:
            done = self.run([self.tools[tool], "--help"])
            self.help[tool] = set(re.findall(r"(?<![\w-])--?[A-Za-z][\w.-]*", done.stdout)) | {"--help", "--version"}
        return self.help[tool]

    def exists(self, name, document):
        return any((base / name).exists() for base in (self.o.source, document.parent))

    def command(self, words, document):
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            words = words[1:]
        if not words:
            return None
        name, rest = words[0], words[1:]
        if name in self.tools and name.startswith("nibble"):
            for word in rest:
                option = word.split("=")[0]
                if re.match(r"--?[A-Za-z]", option) and option not in self.options_of(name):
                    return f"{name} has no option {option}"
            return None
        if name in ("bash", "python3"):
            script = next((w for w in rest if not w.startswith("-")), None)
            return None if script and self.exists(script, document) else f"there is no {script}"
        if name == "cmake":
            for i, word in enumerate(rest):
                variable = re.match(r"-D(NIBBLE_\w+)", word)
                if variable and variable.group(1) not in self.cmake_text:
                    return f"there is no CMake option {variable.group(1)}"
                if word == "--preset" and rest[i + 1] not in self.presets:
                    return f"there is no preset {rest[i + 1]}"
            return None
        return None if name in SYSTEM | self.programs or self.exists(name, document) else f"unknown command {name}"

    def shell(self, text, document, tagged):
        lines = [line for line in text.replace("\\\n", " ").split("\n") if line.strip() and not line.strip().startswith("#")]
        first = re.compile(r"^\s*(nibble-[a-z]+|bash|python3|cmake|mcs|git|ctest|cpack|LD_LIBRARY_PATH=)\b")
        if not tagged and not any(first.match(line) for line in lines):
            return "left"
        for line in lines:
            try:
                words = shlex.split(line, comments=True)
            except ValueError as error:
                return f"{error}: {line}"
            part = []
            for word in words + ["|"]:
                if word in ("|", "&&", ";"):
                    problem = self.command(part, document)
                    if problem:
                        return f"{problem}: {line.strip()}"
                    part = []
                else:
                    part.append(word)
        return None

    def check(self, document, line, info, text):
        folder = self.o.work / f"{sum(self.counts.values())}_{document.stem}_{line}"
        folder.mkdir(parents=True)
        kind, problem = info or "none", None
        if info in ("cpp", "c", "cs"):
            problem = getattr(self, info)(text, folder)
        elif info == "sh run":
            problem = self.shell_run(text, folder)
        elif info in ("sh", ""):
            problem = self.shell(text, document, info == "sh")
            if problem == "left":
                kind, problem = "text", None
        elif info == "json":
            try:
                json.loads(text)
            except ValueError as error:
                problem = str(error)
        elif info == "python":
            try:
                ast.parse(text)
            except SyntaxError as error:
                problem = str(error)
        elif info == "cmake":
            unknown = [w for w in re.findall(r"^\s*(\w+)\s*\(", text, re.M) if w.lower() not in self.cmake_commands]
            problem = f"unknown CMake commands {unknown}" if unknown else None
        elif info != "text":
            problem = f"blocks of kind '{info}' are not checked: add a check or write 'text'"
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if problem:
            self.problems.append(f"{document.relative_to(self.o.source)}:{line} ({info or 'no kind'}): {problem}")

    def links(self, document):
        """Relative links must lead somewhere."""
        text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.S)
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            if "://" not in target and not (document.parent / target).exists():
                self.problems.append(f"{document.relative_to(self.o.source)}: the link to {target} leads nowhere")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("source", "build", "work"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    for name in ("cxx", "cc", "vulkan", "mcs"):
        parser.add_argument(f"--{name}", default="")
    options = parser.parse_args()
    shutil.rmtree(options.work, ignore_errors=True)
    options.work.mkdir(parents=True)
    checker = Checker(options)
    documents = sorted(p for p in options.source.rglob("*.md")
                       if not {"build", "out", ".git"} & set(p.relative_to(options.source).parts))
    for document in documents:
        for line, info, text in blocks(document):
            checker.check(document, line, info, text)
        checker.links(document)
    total = sum(checker.counts.values())
    print(f"{len(documents)} documents, {total} blocks: " + ", ".join(f"{n} {k}" for k, n in sorted(checker.counts.items())))
    for problem in checker.problems:
        print(problem)
    return 1 if checker.problems or total == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
