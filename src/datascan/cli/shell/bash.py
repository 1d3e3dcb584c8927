"""Completion for bash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from datascan.cli.shell.model import Argument, Command

HEAD = """\
# Completion of datascan for bash. To load it: source <(datascan completion bash)
_datascan_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "${COMP_WORDS[COMP_CWORD]}"); }
_datascan_files() {
    compopt -o filenames 2> /dev/null
    mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
}
_datascan() {
    local word=${COMP_WORDS[COMP_CWORD]} last=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]}
    COMPREPLY=()
"""

TAIL = """\
}
complete -F _datascan datascan
"""


def render(commands: Sequence[Command]) -> str:
    """The script."""
    return "".join([HEAD, *(f"    {line}\n" for line in body(commands)), TAIL])


def body(commands: Sequence[Command]) -> Iterator[str]:
    """The first word, the value of a flag, a flag, or the argument without a name.

    A line that begins with no command is one of ``scan``.
    """
    names = " ".join(command.name for command in commands)
    yield f'[[ " {names} " == *" $command "* && "$COMP_CWORD" -gt 1 ]] || command=scan'
    yield 'if [[ "$COMP_CWORD" -eq 1 && $word != -* ]]; then'
    yield f'    _datascan_words "{names}"'
    yield '    local commands=(${COMPREPLY[@]+"${COMPREPLY[@]}"})'
    yield "    _datascan_files"
    yield '    COMPREPLY+=(${commands[@]+"${commands[@]}"})'
    yield "    return"
    yield "fi"
    yield "case $command:$last in"
    for command in commands:
        for flag in command.flags:
            if flag.kind != "none":
                patterns = "|".join(f"{command.name}:{name}" for name in flag.names)
                yield f"    {patterns}) {complete(flag)}; return ;;"
    yield "esac"
    yield "case $command:$word in"
    for command in commands:
        yield f'    {command.name}:-*) _datascan_words "{" ".join(flag_names(command.flags))}" ;;'
        if command.positional:
            yield f"    {command.name}:*) {complete(command.positional)} ;;"
    yield "esac"


def complete(argument: Argument) -> str:
    """The call that completes a value."""
    if argument.kind == "file":
        return "_datascan_files"
    return f'_datascan_words "{" ".join(argument.choices)}"' if argument.choices else ":"


def flag_names(flags: Iterable[Argument]) -> list[str]:
    """All names of flags."""
    return [name for flag in flags for name in flag.names]
