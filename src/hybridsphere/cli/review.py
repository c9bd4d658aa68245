"""The commands that look back: sheets, replays, decisions and their reasons."""

import sys
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hybridsphere.cli.group import configured
from hybridsphere.cli.options import FILE, PLACE, SINCE, STATUS
from hybridsphere.console import note, tell

if TYPE_CHECKING:
    from hybridsphere.commands.sheet.command import Format
    from hybridsphere.commands.sheet.sessions import SessionBy
    from hybridsphere.settings import Settings

DAY = click.DateTime(["%Y-%m-%d"])


@click.command(short_help="Make an attendance sheet of a class.")
@click.option(
    "--roster", type=FILE, required=True, help="The class list: CSV or JSON with the column name."
)
@click.option(
    "--session",
    "by",
    type=click.Choice(["date", "prefix"]),
    default="date",
    help="A session is a day, or a folder of the input bucket.",
)
@click.option("--key", metavar="PREFIX", default="", help="Only videos whose keys begin so.")
@click.option("--since", type=DAY, metavar="DAY", help="Only sessions on this day or later.")
@click.option("--until", type=DAY, metavar="DAY", help="Only sessions on this day or earlier.")
@click.option("--timezone", metavar="NAME", help="As Europe/Athens; else the machine's own.")
@click.option(
    "--late-after",
    type=click.FloatRange(min=0),
    default=10,
    metavar="MINUTES",
    help="A student who appears later than this after the first sighting is late.",
)
@click.option(
    "--in-order", is_flag=True, help="The videos of a session follow each other, as uploaded."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "excel-csv", "xlsx"]),
    show_default="by the file's name, else csv",
    help="Form of the sheet.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the sheet as JSON.")
@click.option("-o", "--output", type=PLACE, help="File to write; else standard output.")
@configured("results_dir")
def sheet(
    settings: "Settings",
    *,
    roster: Path,
    by: "SessionBy",
    key: str,
    since: datetime | None,
    until: datetime | None,
    timezone: str | None,
    late_after: float,
    in_order: bool,
    form: "Format | None",
    as_json: bool,
    output: Path | None,
) -> None:
    """Make an attendance sheet: a row a student, a column a session.

    \b
    present 0:00-44:10, 38 min   from, to and how long the videos show the student
    late 12:30-44:10, 31 min     the same, for who appeared later than --late-after
    present?                     recognised, but not surely: look at the video
    absent?                      not seen, but a video was not read to its end

    Times are those of the video; identify mode has none. If a session has several videos, the
    times are those of the video that shows the student longest. With --in-order the videos follow
    each other, and the times go on from one to the next.

    Guests are listed below the students, then the number of strangers, at least.
    """  # noqa: D301 - click's mark of lines that stay
    from hybridsphere.commands.sheet import command

    options = command.SheetOptions(
        by=by,
        key=key,
        since=_day(since),
        until=_day(until),
        late_after_s=late_after * 60,
        in_order=in_order,
        zone=command.zone_of(timezone),
    )
    chosen = "json" if as_json else form or command.form_of(output)
    command.check_output(chosen, output)
    made = command.make_sheet(roster, settings.results_dir, options)
    for line in command.notes_on(made):
        note(line)
    if output:
        command.save_sheet(made, chosen, output)
        tell(f"{command.extent_of(made)} in {output}")
        return
    sys.stdout.flush()
    command.write_sheet(made, chosen, sys.stdout.buffer)


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None


class _Statuses(click.ParamType[tuple[str, ...]]):
    """Statuses, separated by commas."""

    name = "statuses"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        return tuple(STATUS.convert(one.strip(), param, ctx) for one in value.split(","))


@click.command(short_help="Process uploads once more, or dead letters.")
@click.option(
    "--status",
    "statuses",
    type=_Statuses(),
    metavar="STATUS,…",
    show_default="failed,unreadable, or all with --person",
    help="Only uploads that ended so.",
)
@click.option("--since", type=SINCE, help="Only uploads received at this day or time, or later.")
@click.option("--person", metavar="NAME", help="Only videos in which NAME was recognised.")
@click.option("--key", metavar="PREFIX", default="", help="Only videos whose keys begin so.")
@click.option(
    "--dead-letters", is_flag=True, help="Replay the messages of the dead-letter queue instead."
)
@click.option("--yes", is_flag=True, help="Do not ask before sending.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@configured(
    "results_dir",
    "source",
    "input_bucket",
    "input_queue_url",
    "output_queue_url",
    "dead_letter_queue_url",
    "function_name",
    "invocation_type",
)
def replay(
    settings: "Settings",
    *,
    statuses: tuple[str, ...] | None,
    since: str | None,
    person: str | None,
    key: str,
    dead_letters: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Process uploads once more, for instance after the function was mended.

    Their events go to the input queue, or to the function itself where the bridge has no such
    queue. The new result replaces the old one. Objects that are gone or were replaced are reported,
    and not sent.

    With --dead-letters the messages of the dead-letter queue go back to the queue that they came
    from. A message leaves the dead-letter queue once it was sent; the others stay there.

    A second replay leaves out uploads that are still on their way from the first. Ctrl-C is safe.

    Exits with 0 if nothing failed, 1 if some could not be sent or another run holds them, 2 if
    nothing could be done.
    """
    from hybridsphere.commands.replay import command
    from hybridsphere.commands.replay.choice import Choice
    from hybridsphere.screen import Screen

    if dead_letters and (statuses or since or person or key):
        raise click.UsageError("--dead-letters goes with --yes and --json alone.")
    work: command.Replay
    if dead_letters:
        work = command.LetterReplay(settings)
    else:
        chosen = statuses or (() if person else ("failed", "unreadable"))
        work = command.UploadReplay(settings, Choice(chosen, since or "", person, key))
    question = work.question()
    if question and not yes:
        click.confirm(question, abort=True, err=True)
    sys.exit(0 if work.run(Screen(), as_json=as_json, wanted=question is not None) else 1)


GALLERY = click.option(
    "--gallery",
    "location",
    metavar="PLACE",
    show_default="HYBRIDSPHERE_GALLERY",
    help="The known faces: a file, or s3://bucket/key.",
)


@click.command(short_help="Decide again who is in the videos, without looking again.")
@GALLERY
@click.option(
    "--tolerance",
    type=click.FloatRange(0, 1.5, min_open=True),
    show_default="that of each video",
    help="The tolerance to decide with.",
)
@click.option("--since", type=SINCE, help="Only videos uploaded at this day or time, or later.")
@click.option("--apply", is_flag=True, help="Store the new decisions; else only show them.")
@click.option("--json", "as_json", is_flag=True, help="Print the difference as JSON.")
@configured("results_dir", "gallery")
def decide(
    settings: "Settings",
    *,
    location: str | None,
    tolerance: float | None,
    since: str | None,
    apply: bool,
    as_json: bool,
) -> None:
    """Decide again who is in the videos, by the looks that are kept of their faces.

    No video is read, and the function is not invoked. The difference is printed first: how many
    videos change, and how. With --apply it is done, and results, CSV files and sheets follow.
    Words of people stand in any case.

    Faces of another engine than the gallery's, and faces without looks, are left out and counted.
    """
    from hybridsphere.commands.decide.command import decide as run_decide
    from hybridsphere.screen import Screen

    run_decide(
        settings,
        Screen(),
        location=location,
        tolerance=tolerance,
        since=since or "",
        apply=apply,
        as_json=as_json,
    )


@click.command(short_help="Explain why a video has its answer.")
@click.argument("key")
@click.option("--version", help="Version or sequencer; else the newest.")
@GALLERY
@click.option("--json", "as_json", is_flag=True, help="Print the explanation as JSON.")
@configured("results_dir", "gallery")
def explain(
    settings: "Settings", *, key: str, version: str | None, location: str | None, as_json: bool
) -> None:
    """Explain the answer of the video KEY: its looks, the distances, and each clause of the rule.

    The answer is computed again from the looks that are kept, and compared with the stored one.

    Exits with 0 if both are equal or the difference has a reason, 1 if it has none.
    """
    from hybridsphere.commands.decide.explain import explain_key
    from hybridsphere.screen import Screen

    agrees = explain_key(
        settings, Screen(), key=key, version=version, location=location, as_json=as_json
    )
    sys.exit(0 if agrees else 1)
