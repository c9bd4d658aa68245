"""The commands about faces that were seen, and about what people say of results."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hybridsphere.cli.data import results
from hybridsphere.cli.group import configured
from hybridsphere.cli.options import PLACE, SINCE, STATUS, UNTIL
from hybridsphere.console import tell

if TYPE_CHECKING:
    from hybridsphere.settings import Settings

_CERTAINTY = click.Choice(["sure", "likely", "doubtful", "unknown"])
_LIMIT = click.IntRange(1, 100_000)

Command = TypeVar("Command", bound=Callable[..., Any])


def _words(command: Command) -> Command:
    """Add the options with which somebody says something of a result."""
    options = [
        click.option("--is", "is_name", metavar="NAME", help="The face is NAME."),
        click.option("--is-not", "is_not_name", metavar="NAME", help="The face is not NAME."),
        click.option("--nobody", is_flag=True, help="Not a person: a poster, for example."),
        click.option("--same", type=int, metavar="FACE", help="The same person as this face."),
        click.option("--note", metavar="TEXT", help="Keep a note."),
        click.option("--undo", is_flag=True, help="Take back the last word."),
        click.option("--by", metavar="NAME", help="Your name; by default that of your user."),
        click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.group(invoke_without_command=True, short_help="Look through the faces that were seen.")
@click.option("--person", metavar="NAME", help="Only faces of NAME.")
@click.option("--unknown", is_flag=True, help="Groups of unknown faces instead, the largest first.")
@click.option("--group", type=int, metavar="NUMBER", help="Only faces of this group.")
@click.option("--video", "key", metavar="KEY", help="Only faces of this video.")
@click.option("--certainty", type=_CERTAINTY, help="Only faces that the machine knew so surely.")
@click.option("--since", type=SINCE, help="Only videos uploaded at this day or time, or later.")
@click.option("--until", type=UNTIL, help="Only videos uploaded before; a day counts whole.")
@click.option("--limit", type=_LIMIT, default=50, help="How many to print.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects as JSON.")
@click.pass_context
def faces(context: click.Context, /, unknown: bool, as_json: bool, **options: Any) -> None:
    """Print the faces that were seen, the newest first, with the person and how sure that is.

    Each face has a number, which other commands take. A face without a name belongs to a group of
    unknown faces that seem to be one person: `unknown 12` stays 12.

    \b
    hybridsphere faces --unknown                  who is unknown, and how often
    hybridsphere faces picture 812 -o face.jpg    how face 812 looks
    hybridsphere faces name 12 "Ada Lovelace"     name group 12, in all past videos
    hybridsphere faces judge 812 --is-not "Ben"   say who a face is, or is not
    """  # noqa: D301 - click's mark of lines that stay
    if context.invoked_subcommand is None:
        _list(unknown=unknown, as_json=as_json, **options)


@configured("results_dir")
def _list(settings: "Settings", *, unknown: bool, as_json: bool, **options: Any) -> None:
    from hybridsphere.commands.desk import usable_name
    from hybridsphere.commands.faces import FaceChoice, list_faces, list_groups
    from hybridsphere.screen import Screen

    person, since, until, limit = (options.pop(name) for name in _CHOICE)
    choice = FaceChoice(
        person=None if person is None else usable_name(person),
        since=since or "",
        until=until or "~",
        most=limit,
        **options,
    )
    show = list_groups if unknown else list_faces
    show(settings.results_dir, choice, Screen(), as_json=as_json)


_CHOICE = ("person", "since", "until", "limit")


@faces.command("picture", short_help="Write the picture of FACE into a file.")
@click.argument("face", type=int)
@click.option("-o", "--output", type=PLACE, required=True, help="The picture to write (.jpg).")
@configured("results_dir")
def faces_picture(settings: "Settings", face: int, output: Path) -> None:
    """Write the picture of FACE, its best look, into a file that only you can read.

    The file `-` is standard output.
    """
    from hybridsphere.commands.faces import save_picture

    size = save_picture(settings.results_dir, face, output)
    if str(output) != "-":
        click.echo(f"{size:,} bytes in {output}")


@faces.command("name", short_help="Name a group of unknown faces, in all past videos.")
@click.argument("group", type=int)
@click.argument("name", required=False)
@click.option("--enroll", "gallery", metavar="GALLERY", help="Add the best looks to this gallery.")
@click.option("--undo", is_flag=True, help="Take back the last name of the group.")
@click.option("--by", metavar="NAME", help="Your name; by default that of your user.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@configured("results_dir")
def faces_name(
    settings: "Settings",
    *,
    group: int,
    name: str | None,
    gallery: str | None,
    undo: bool,
    by: str | None,
    as_json: bool,
) -> None:
    """Name all unknown faces of GROUP, and correct the answers of their videos.

    No video is looked at again. GALLERY is a file, or s3://bucket/key: from there the function
    takes the new person up with the next video. Faces that somebody has judged otherwise stay.
    """
    from hybridsphere.commands.naming import run_naming
    from hybridsphere.screen import Screen

    if undo == (name is not None):
        raise click.UsageError("give a NAME, or --undo.")
    run_naming(
        settings.results_dir,
        Screen(),
        group=group,
        name=name,
        gallery=gallery,
        by=by,
        as_json=as_json,
    )


@faces.command("judge", short_help="Say who FACE is, or is not.")
@click.argument("face", type=int)
@_words
@configured("results_dir")
def faces_judge(
    settings: "Settings", face: int, *, by: str | None, as_json: bool, **words: Any
) -> None:
    """Say who FACE is, or is not; the answer of its video follows.

    Words are kept with your name and the time. They stand above what the machine finds, now and
    later, until somebody takes them back with --undo.
    """
    from hybridsphere.commands.correct import Correction, correct_face, show_correction
    from hybridsphere.commands.desk import Desk
    from hybridsphere.screen import Screen

    with Desk.open(settings.results_dir, by) as desk:
        done = correct_face(desk, face, Correction(**words))
        show_correction(done, Screen(), as_json=as_json)


@results.command("find", short_help="Print results by person, status and time.")
@click.option("--person", metavar="NAME", help="Only results in which NAME was recognised.")
@click.option("--status", "statuses", type=STATUS, multiple=True, help="Only this; repeatable.")
@click.option("--corrected", is_flag=True, help="Only answers that differ from the function's.")
@click.option("--since", type=SINCE, help="Only uploads received at this day or time, or later.")
@click.option("--until", type=UNTIL, help="Only uploads received before; a day counts whole.")
@click.option("--limit", type=_LIMIT, default=50, help="How many to print.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects as JSON.")
@configured("results_dir")
def results_find(
    settings: "Settings", *, since: str | None, until: str | None, limit: int, **options: Any
) -> None:
    """Print results, the newest first, as people get them. Exits with 1 if nothing fits."""
    from hybridsphere.commands.find import find_results
    from hybridsphere.screen import Screen

    found = find_results(
        settings.results_dir,
        Screen(),
        since=since or "",
        until=until or "~",
        most=limit,
        **options,
    )
    sys.exit(0 if found else 1)


@results.command("correct", short_help="Correct or confirm the result of KEY.")
@click.argument("key")
@click.option("--face", type=int, metavar="FACE", help="The face that is meant.")
@_words
@click.option("--add", metavar="NAME", help="NAME is in the video, whatever the faces show.")
@click.option("--remove", metavar="NAME", help="NAME is not in the video, whatever the faces show.")
@click.option("--right", is_flag=True, help="The result is right as it stands.")
@configured("results_dir")
def results_correct(
    settings: "Settings",
    key: str,
    *,
    face: int | None,
    by: str | None,
    as_json: bool,
    **words: Any,
) -> None:
    """Correct or confirm the result of the video KEY; CSV and exports follow.

    Without an option, print the result, its faces, and what was said of them. A video with one face
    needs no --face; where no face was kept, the word is about the video.
    """
    from hybridsphere.commands.correct import (
        Correction,
        correct_video,
        show_correction,
        show_video,
    )
    from hybridsphere.commands.desk import Desk
    from hybridsphere.screen import Screen

    correction = Correction(**words)
    with Desk.open(settings.results_dir, by) as desk:
        if not correction.count() and face is None:
            show_video(desk, key, Screen(), as_json=as_json)
            return
        done = correct_video(desk, key, face, correction)
        show_correction(done, Screen(), as_json=as_json)


@click.command(short_help="Forget a person, wherever their name or face is kept.")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do it; otherwise only print what would be done.")
@click.option("--students", is_flag=True, help="Delete the student's record as well.")
@click.option(
    "--gallery",
    "galleries",
    multiple=True,
    metavar="GALLERY",
    help="A gallery beside HYBRIDSPHERE_GALLERY; repeatable.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found and done as JSON.")
@configured("results_dir", "output_bucket", "table", "gallery")
def forget(settings: "Settings", *, name: str, **options: Any) -> None:
    """Print everything that is kept of NAME; with --yes, take it away and search for remains.

    GALLERY is a file, or s3://bucket/key, of which every version is searched. Results keep their
    row and status. Videos in the input bucket are not touched: delete them yourself.

    Exits with 0 if nothing of NAME is left, 1 if something is.
    """
    from hybridsphere.commands.forget.forget import run_forget
    from hybridsphere.screen import Screen

    sys.exit(0 if run_forget(settings, name, Screen(), report=tell, **options) else 1)
