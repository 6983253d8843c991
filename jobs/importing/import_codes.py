"""Import ready-made codes: files of codes that something else made become codes directories, without a hasher.

One pass, as encoding makes it: each task writes its codes and its rejected rows to files named by its step and number,
and returns counts. The driver judges the counts and moves the directory into place.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from hashcore.errors import ConfigError, InvalidInputError
from hashcore.storage import files
from jobs.config.pipeline import Pipeline
from jobs.config.sections.importing import ImportConfig
from jobs.corpora import shares, verdict, vocabulary
from jobs.corpora.encode_task import REJECTED, SCRATCH, Counts, begin_step
from jobs.corpora.formats.corpus import Corpus
from jobs.corpora.reader import Columns
from jobs.corpora.shares import Step
from jobs.engine.choice import Size
from jobs.engine.tasks import Engine
from jobs.importing.decoding import Reading
from jobs.importing.numbered import NUMBER, numbered
from jobs.importing.opening import columns_of, open_codes, sample
from jobs.importing.reading import resolve
from jobs.importing.task import Work, import_share
from jobs.stages import codes_directory, records, rejects
from jobs.stages.kept import Json, kept
from jobs.stages.stage import Stage
from jobs.telemetry.run_notes import recorded

COUNTS = Json(Counts)
MODALITY = "codes"
FILES_PER_STEP = 1024  # a killed run goes on after the last step that it finished
BATCH_BYTES, MOST_ROWS = 32 << 20, 1 << 16  # read at once
BASE_BYTES = 256 << 20  # of a worker with Arrow and NumPy
DECISIVE = ("format", "column", "id", "labels", "encoding", "bit_order", "signed", "code_length", "kind")


@recorded
def run(pipeline: Pipeline) -> None:
    """Import the codes of a database, and of queries where there are some.

    Raises:
        ConfigError: If it is not said where the codes lie.
        InvalidInputError: If they cannot be read, may be read in several ways, or too many rows are no codes.
        OutputError: If an output is another pipeline's, or cannot be written.
    """
    if pipeline.import_.codes is None:
        raise ConfigError("import.codes is not said; name a file or folder of codes, as in --set import.codes=mine.npy")
    import_part(pipeline, "database", pipeline.import_.codes)
    if pipeline.import_.queries is not None:
        database = codes_directory.read_info(pipeline.paths.codes_database)
        import_part(pipeline, "queries", pipeline.import_.queries, database)


def import_part(pipeline: Pipeline, part: str, source: str, database: codes_directory.CodesInfo | None = None) -> None:
    """Import the codes of one part into its codes directory, unless that was done before.

    Args:
        pipeline: The whole configuration.
        part: database or queries.
        source: Where its codes lie.
        database: What the queries must be like.
    """
    if not files.exists(source):
        key = "import.codes" if part == "database" else "import.queries"
        raise InvalidInputError(f"{source} does not exist; correct {key}")
    inputs = {"codes": records.fingerprint_of(source)}
    inputs |= {} if database is None else {"database": database.hasher_fingerprint}
    decisive = [f"import.{key}" for key in DECISIVE]
    stage = Stage.of(pipeline, f"import {part}", pipeline.paths.codes(part), decisive, inputs)
    if stage.is_done():
        return
    config = pipeline.import_
    if config.code_length is None and database is not None:
        config = config.model_copy(update={"code_length": database.code_length})
    opened = open_codes(source, config.format)
    columns = columns_of(config, opened, source)
    looked_at = sample(opened.corpus.parts, columns)
    reading = resolve(config, looked_at, f"{source}, column {columns.items['item']},", opened.bits)
    _check_alike(reading, database, source)
    row_bytes = reading.bytes() + 9 * looked_at.size
    batch_rows = max(1, min(MOST_ROWS, BATCH_BYTES // row_bytes))
    projected = BASE_BYTES + 8 * batch_rows * row_bytes + (1 << 20) * reading.bytes()
    engine = stage.engine(Size(bytes=files.size_bytes(source)), projected, "import on fewer cores")
    print(f"{stage.name}: {source} holds {opened.corpus.told}; {_told(reading, columns)}")
    with stage.writing(resumes=True) as staging:
        steps, names = _steps(engine, opened.corpus, columns, batch_rows, stage.name)
        work = Work(staging, 0, columns, reading, batch_rows, names)
        counts = _import_steps(engine, steps, work, stage.name)
        _judge(counts, config, source, staging, stage.path)
        codes_directory.write_info(staging, _info(reading, counts, names))
    files.remove(rejects.place_of(stage.path))  # of an earlier run
    rejected = f"{counts.rejected:,} rejected" + (f": {counts.rejects.told()}" if counts.rejected else "")
    stage.done(f"{counts.encoded:,} codes of {reading.code_length} bits, {rejected}", counts.encoded, counts.rejected)


def _told(reading: Reading, columns: Columns) -> str:
    """Return in words how codes are read."""
    order = f", {reading.bit_order}" if reading.bit_order else ""
    less = ", stored less 128" if reading.signed else ""
    ids = "numbers of rows" if columns.id == NUMBER else columns.id
    return f"{columns.items['item']} is read as {reading.encoding}{order}{less}, {reading.code_length} bits; ids: {ids}"


def _check_alike(reading: Reading, database: codes_directory.CodesInfo | None, source: str) -> None:
    """Raise InvalidInputError if queries would be read in another way than the database was."""
    if database is not None and reading.fingerprint() != database.hasher_fingerprint:
        order = f" {database.bit_order}" if database.bit_order else ""
        raise InvalidInputError(
            f"{source} is read as {reading.encoding} codes of {reading.code_length} bits{_order(reading)}, but the "
            f"database has{order} codes of {database.code_length} bits, read in another way; give queries as the "
            "database was given, or import them in a pipeline of their own"
        )


def _order(reading: Reading) -> str:
    """Return the order of bits in words."""
    return f", {reading.bit_order} first" if reading.bit_order else ""


def _steps(
    engine: Engine, corpus: Corpus, columns: Columns, batch_rows: int, label: str
) -> tuple[Sequence[Step], tuple[str, ...] | None]:
    """Return the codes in steps, and the names of their labels, None where these are numbers."""
    if columns.id == NUMBER:
        corpus = numbered(engine, corpus, columns, f"{label}, rows")
    steps = shares.steps(columns, corpus, FILES_PER_STEP, batch_rows)
    if columns.labels is None:
        return steps, None
    only_labels = columns._replace(items={})
    named = shares.steps(only_labels, corpus, FILES_PER_STEP, batch_rows)
    return steps, vocabulary.gather(engine, named, only_labels, f"{label}, names of labels")


def _import_steps(engine: Engine, steps: Sequence[Step], work: Work, label: str) -> Counts:
    """Import the steps that a killed run has not done, and return the sum of all counts."""
    scratch = files.join(work.folder, SCRATCH)
    for name in (codes_directory.DATA, REJECTED, SCRATCH):
        files.make_folder(files.join(work.folder, name))
    counts = []
    for number, step in enumerate(steps):
        told = f"{label}, step {number + 1} of {len(steps)}"
        import_step = partial(_import_step, engine, step, work._replace(step=number), told)
        counts.append(kept(scratch, f"step-{number:05}", COUNTS, import_step))
    files.remove(scratch)
    return Counts.total(counts)


def _import_step(engine: Engine, step: Step, work: Work, label: str) -> Counts:
    """Import every share of a step, which begins anew where it was interrupted."""
    begin_step(work)
    return Counts.total(engine.map_tasks(partial(import_share, work), list(enumerate(step.shares)), label))


def _judge(counts: Counts, config: ImportConfig, source: str, folder: str, path: str) -> None:
    """Raise InvalidInputError if what was found must not become an output; its rejected rows are kept."""
    verdict.judge_encoded(counts, source, config.id or "", None)
    key, limit, place = "import.max_rejected_share", config.max_rejected_share, rejects.place_of(path)
    try:
        verdict.judge(counts.rejects, counts.encoded, source=source, key=key, limit=limit, place=place)
    except InvalidInputError:
        rejects.keep_files(files.join(folder, REJECTED), place)
        raise


def _info(reading: Reading, counts: Counts, names: tuple[str, ...] | None) -> codes_directory.CodesInfo:
    """Return what `codes.json` shall tell."""
    return codes_directory.CodesInfo(
        code_length=reading.code_length,
        kind=reading.kind,
        hasher_fingerprint=reading.fingerprint(),
        modality=MODALITY,
        rows=counts.encoded,
        keys=counts.keys,
        vocabulary=names,
        bit_order=reading.bit_order,
    )
