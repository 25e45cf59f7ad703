"""The repository keeps its own rules: a check lists the faults of the project, and each is shown to find one."""

import copy
import csv
import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
import typer
import yaml
from dbt.cli.main import dbtRunner

from orchestration import metric_pages
from orchestration.cli import app
from orchestration.settings import OF_ONE_RUN, kept_names
from serving import pseudonyms

REPOSITORY = Path(__file__).parents[2]
GRAIN_TESTED_ELSEWHERE = {
    "channel_spend": "amounts of one day, channel and campaign add up",
    "cohorts": "who fulfils all rows of a name is in it, and equal rows do no harm",
    "conversions": "ingest/analyses.py refuses a second row, by its number",
    "events": "a view over stg_events",
    "fct_paths": "a view that groups by its grain",
    "fct_person_segments": "a view over int_person_segments",
    "fct_person_days": "a view that groups by its grain",
    "fct_sessions": "a view over int_sessions",
    "fct_session_numbers": "a view over fct_sessions",
    "funnel_exclusions": "two equal exclusions do no harm",
    "funnel_steps": "ingest/analyses.py refuses a second row, by its number",
    "funnels": "ingest/analyses.py refuses a second row, by its number",
    "int_charging_sessions": "fct_charging_sessions shows it and is tested",
    "int_known_ids": "groups by its grain; int_identities joins it and is tested",
    "int_payments": "fct_payments shows it and is tested",
    "int_funnel_attempts": "fct_funnel_steps is compared with questions; equal attempts are rows of their own",
    "int_survey_answers": "fct_survey_answers shows it and is tested",
    "int_person_origins": "joins int_person_starts; dim_persons joins it and is tested",
    "int_person_starts": "groups by its grain; dim_persons joins what is made of it and is tested",
    "paths": "ingest/analyses.py refuses a second row, by its number",
    "retentions": "ingest/analyses.py refuses a second row, by its number",
    "stg_events": "assert_an_event_is_staged_once, on the days that can have changed",
}
# what tells the warehouse what changed, and where a row lies in the landing
BOOKKEEPING = {"content_hash", "fingerprint", "filename", "file_row_number", "row_number", "load_date"}
PUBLISHED_WITH_BOOKKEEPING = {
    "stg_events": "the view `events` reads it, and it is no mart",
    "stg_superseded_copies": "stg_events looks up in it which rows of the landed files count",
}
MARTS_ON_STAGING = {"events": "publishes the staged events themselves"}
CARD = {"title", "definition", "unit", "good", "owner"}
LAW_OF_METRICS = "assert_metrics_have_one_sound_row_per_period"
METRIC_COLUMNS = {
    "period": "varchar",
    "period_start": "date",
    "segment": "varchar",
    "segment_value": "varchar",
    "metric_value": "double",
    "is_complete": "boolean",
}
NAMES_IN_LAYER = {
    "staging": r"stg_\w+",
    "intermediate": r"int_\w+",
    "marts": r"(fct|dim|metric)_\w+|events",
}
EMPTY_NAMES = r"final|tmp|temp|cte\d*|result|results|data|(compute|calculate|get|make|do)_\w+"


@dataclass
class Project:
    """What the checks look at: dbt's manifest, and the text of every tracked file by its path."""

    manifest: dict[str, Any]
    files: dict[str, str]

    def nodes(self, *kinds: str) -> list[dict[str, Any]]:
        nodes = [*self.manifest["nodes"].values(), *self.manifest["sources"].values()]
        return [node for node in nodes if node["resource_type"] in kinds]

    def model(self, name: str) -> dict[str, Any]:
        return next(node for node in self.nodes("model", "seed") if node["name"] == name)

    def macros(self) -> list[dict[str, Any]]:
        macros = self.manifest["macros"].values()
        return [m for m in macros if m["package_name"] == "footfall" and m["original_file_path"].startswith("macros/")]


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Project:
    target = tmp_path_factory.mktemp("target")
    options = [
        f"--project-dir={REPOSITORY}",
        f"--profiles-dir={REPOSITORY / 'profiles'}",
        "--target=ci",
        "--no-partial-parse",
    ]
    result = dbtRunner().invoke(["parse", *options, f"--target-path={target}", f"--log-path={target}", "--quiet"])
    assert result.success, result.exception
    listed = subprocess.run(
        ["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    ).stdout.split("\n")
    files = {}
    for name in listed:
        path = REPOSITORY / name
        if path.is_file() and path.suffix not in (".parquet", ".gz", ".zst", ".png"):
            files[name] = path.read_text(errors="replace")
    return Project(json.loads((target / "manifest.json").read_text()), files)


@pytest.fixture
def project(parsed: Project) -> Project:
    return copy.deepcopy(parsed)


def sql_models(project: Project) -> list[dict[str, Any]]:
    return [node for node in project.nodes("model") if node["language"] == "sql"]


def layer(node: dict[str, Any]) -> str:
    """The folder directly under models/."""
    return str(node["fqn"][1])


def code(node: dict[str, Any]) -> str:
    """A model's text without comments."""
    return re.sub(r"\{#.*?#\}|--[^\n]*", "", node["raw_code"], flags=re.DOTALL)


def ctes(node: dict[str, Any]) -> list[str]:
    return re.findall(
        r"^(\w+)(?: \([^)]*\))?(?: using key \(\w+\))? as (?:(?:not )?materialized )?\(", code(node), flags=re.MULTILINE
    )


def descriptions_begin_with_the_grain(project: Project) -> list[str]:
    return [
        n["name"] for n in project.nodes("model", "seed", "source") if not n["description"].startswith("One row per ")
    ]


def every_column_has_a_description_and_a_type(project: Project) -> list[str]:
    faults = []
    for node in project.nodes("model", "seed"):
        faults += [] if node["columns"] else [f"{node['name']} has no columns"]
        for column in node["columns"].values():
            words = column["description"].lower().rstrip(".").replace(" ", "_")
            if not words or words == column["name"] or not column["data_type"]:
                faults.append(f"{node['name']}.{column['name']}")
    return faults


def marts_are_published_and_have_contracts(project: Project) -> list[str]:
    faults = []
    for node in project.nodes("model"):
        meta, outside = node["config"]["meta"], layer(node) == "marts"
        kept = node["config"]["contract"]["enforced"] and "publish" in meta and not meta.get("internal")
        if not kept if outside else not meta.get("internal"):
            faults.append(node["name"])
    return faults


def readers_see_no_bookkeeping(project: Project) -> list[str]:
    faults = set()
    for node in project.nodes("model", "seed"):
        publish = node["config"].get("meta", {}).get("publish")
        if publish:
            details = publish if isinstance(publish, dict) else {}
            hidden = {details.get("fingerprint"), *details.get("without", [])}
            if BOOKKEEPING & (node["columns"].keys() - hidden):
                faults.add(node["name"])
    return sorted(faults ^ PUBLISHED_WITH_BOOKKEEPING.keys())


def publishing_knows_what_each_id_is_of(project: Project) -> list[str]:
    """Whether it is a person's, which a setting hides from readers, or a thing's."""
    known = {*pseudonyms.IDS, *pseudonyms.KEYS, *pseudonyms.LISTS_OF_KEYS, *pseudonyms.OF_THINGS}
    return [
        f"{node['name']}.{column}"
        for node in project.nodes("model")
        if "publish" in node["config"].get("meta", {})
        for column in node["columns"].keys() - known - {*pseudonyms.IDS_OF_RELATIONS.get(node["name"], ())}
        if re.search(r"(^|_)(id|key|hash|fingerprint)s?$", column) and column not in pseudonyms.OBJECTS
    ]


def only_staging_reads_sources(project: Project) -> list[str]:
    return [
        node["name"]
        for node in project.nodes("model")
        if layer(node) != "staging" and any(parent.startswith("source.") for parent in node["depends_on"]["nodes"])
    ]


def marts_do_not_read_staging(project: Project) -> list[str]:
    return [
        f"{node['name']} reads {parent}"
        for node in project.nodes("model")
        if layer(node) == "marts" and node["name"] not in MARTS_ON_STAGING
        for parent in node["depends_on"]["nodes"]
        if parent.split(".")[-1].startswith("stg_")
    ]


def nobody_reads_a_later_layer(project: Project) -> list[str]:
    order = list(NAMES_IN_LAYER)
    layers = {node["unique_id"]: order.index(layer(node)) for node in project.nodes("model")}
    return [
        f"{node['name']} reads {parent}"
        for node in project.nodes("model")
        for parent in node["depends_on"]["nodes"]
        if layers.get(parent, 0) > layers[node["unique_id"]]
    ]


def names_say_the_layer(project: Project) -> list[str]:
    return [
        node["name"] for node in project.nodes("model") if not re.fullmatch(NAMES_IN_LAYER[layer(node)], node["name"])
    ]


def column_names_say_their_type(project: Project) -> list[str]:
    suffixes = {
        "timestamp": r"\w+_at|known_until",
        "date": r"\w+_(date|day)|day|(period|cohort)_(start|end)",
        "boolean": r"(is|has)_\w+",
    }
    faults = []
    for node in project.nodes("model", "seed"):
        for column in node["columns"].values():
            kind, name = column["data_type"], column["name"]
            if kind in suffixes and not re.fullmatch(suffixes[kind], name):
                faults.append(f"{node['name']}.{name} is a {kind}")
            if kind not in suffixes and re.fullmatch(r"\w+_at|(is|has)_\w+", name):
                faults.append(f"{node['name']}.{name} is a {kind}")
    return faults


def models_are_short_or_argue_for_it(project: Project) -> list[str]:
    return [
        f"{node['name']}: {lines} lines"
        for node in project.nodes("model")
        for lines in [len(node["raw_code"].splitlines())]
        if (lines > 100) != ("why_long" in node["config"]["meta"])
    ]


def the_project_reads_as_plain_sql(project: Project) -> list[str]:
    """Half of the models have at most 60 lines, nine of ten at most 120, one of five has Jinja blocks; 90 macros."""
    models = [node["raw_code"] for node in project.nodes("model") if not node["name"].startswith("metric_")]
    lines = sorted(len(text.splitlines()) for text in models)
    half, most = lines[len(lines) // 2], lines[len(lines) * 9 // 10]
    blocks = sum("{%" in text for text in models)
    macros = sum(not macro["name"].startswith("materialization_") for macro in project.macros())
    limits = {
        f"half of the models have more than {half - 1} lines": half > 60,
        f"one of ten models has {most} lines or more": most > 120,
        f"{blocks} of {len(models)} models have Jinja blocks": blocks > len(models) / 5,
        f"there are {macros} macros": macros > 90,
    }
    return [fault for fault, is_one in limits.items() if is_one]


def yaml_files_are_short(project: Project) -> list[str]:
    folders = ("models/", "seeds/", "macros/")
    return [
        name
        for name, text in project.files.items()
        if name.startswith(folders) and name.endswith(".yml") and text.count("\n") > 300
    ]


def steps_are_nouns(project: Project) -> list[str]:
    return [f"{n['name']}: {cte}" for n in project.nodes("model") for cte in ctes(n) if re.fullmatch(EMPTY_NAMES, cte)]


def models_end_by_selecting_their_last_step(project: Project) -> list[str]:
    faults = []
    for node in sql_models(project):
        # the rows that an incremental model takes away follow its last step
        text = re.sub(
            r"\{% if is_incremental\(\) %\}\nunion all by name\n.*?\{% endif %\}|\{\{ replaced_rows\(.*\) \}\}$",
            "",
            code(node).strip(),
            flags=re.DOTALL,
        )
        if not text.strip().endswith(f"select * from {[*ctes(node), ''][-2]}"):
            faults.append(node["name"])
    return faults


def every_model_has_a_grain_test(project: Project) -> list[str]:
    tested = {
        test["attached_node"]
        for test in project.nodes("test")
        if (test.get("test_metadata") or {}).get("name") == "unique_combination"
    }
    tested |= set(law_of_metrics(project)["depends_on"]["nodes"])
    untested = {node["name"] for node in project.nodes("model", "seed") if node["unique_id"] not in tested}
    return sorted(untested ^ GRAIN_TESTED_ELSEWHERE.keys())


def metrics(project: Project) -> list[dict[str, Any]]:
    return [node for node in project.nodes("model") if node["name"].startswith("metric_")]


def law_of_metrics(project: Project) -> dict[str, Any]:
    return next(test for test in project.nodes("test") if test["name"] == LAW_OF_METRICS)


def metrics_have_full_cards_of_their_own(project: Project) -> list[str]:
    faults, titles = [], []
    for node in metrics(project):
        card = node["config"]["meta"].get("card", {})
        titles.append(card.get("title"))
        if set(card) != CARD or not all(card.values()) or card["good"] not in ("up", "down", "neutral"):
            faults.append(node["name"])
    return faults + sorted({title for title in titles if titles.count(title) > 1})


def metrics_have_the_same_columns_and_stand_under_their_law(project: Project) -> list[str]:
    lawful = law_of_metrics(project)["depends_on"]["nodes"]
    return [
        node["name"]
        for node in metrics(project)
        if {name: column["data_type"] for name, column in node["columns"].items()} != METRIC_COLUMNS
        or node["unique_id"] not in lawful
        or node["config"]["materialized"] != "view"
    ]


def metric_pages_are_those_that_the_cards_make(project: Project) -> list[str]:
    committed = {path: text for path, text in project.files.items() if Path(path).parent == metric_pages.FOLDER}
    wanted = metric_pages.pages(project.manifest)
    return sorted(path for path in committed.keys() | wanted.keys() if committed.get(path) != wanted.get(path))


def semantic_metrics_have_the_words_of_a_card(project: Project) -> list[str]:
    cards = {node["name"]: node["config"]["meta"]["card"] for node in metrics(project)}
    faults = []
    for metric in project.manifest["metrics"].values():
        card = cards.get(f"metric_{metric['name']}")
        is_input = bool(metric["config"]["meta"].get("internal"))
        said = (metric["label"], metric["description"])
        if is_input == bool(card) or (card and said != (card["title"], card["definition"])):
            faults.append(metric["name"])
    return faults


def semantic_measures_of_sessions_count_no_bot(project: Project) -> list[str]:
    measures = project.manifest["semantic_models"]["semantic_model.footfall.sessions"]["measures"]
    bot = "(select 1 as session_id, true as is_bounce, 1.5 as duration_seconds, true as is_bot)"
    return [
        measure["name"]
        for measure in measures
        if duckdb.sql(f"select 1 from {bot} where coalesce(({measure['expr']})::bigint, 0) != 0").fetchall()
    ]


def laws_are_sentences_and_say_what_a_failing_row_means(project: Project) -> list[str]:
    faults = []
    for test in project.nodes("test"):
        if not test.get("test_metadata") and not (
            re.fullmatch(r"assert_(\w+_){2,}\w+", test["name"])
            and re.match(r"-- (A|The) failing row ", test["raw_code"])
        ):
            faults.append(test["name"])
    return faults


def every_macro_and_argument_is_described(project: Project) -> list[str]:
    faults = []
    for macro in project.macros():
        signature = re.search(r"macro \w+\(([^)]*(?:\[[^\]]*\][^)]*)*)\)", macro["macro_sql"])
        names = re.findall(r"(\w+)(?:\s*=[^,\[]*(?:\[[^\]]*\])?)?(?:,|$)", signature.group(1)) if signature else []
        described = {argument["name"] for argument in macro["arguments"] if argument["description"]}
        if not macro["description"] or set(names) != described:
            faults.append(macro["name"])
    return faults


def incremental_models_keep_their_watermark(project: Project) -> list[str]:
    return [
        node["name"]
        for node in project.nodes("model")
        if node["config"]["materialized"] == "incremental"
        and not any("mark_processed()" in hook["sql"] for hook in node["config"]["post-hook"])
    ]


def incremental_models_say_when_they_changed(project: Project) -> list[str]:
    """Their strategy takes their state away in the transaction that exchanges rows: macros/plumbing/states.sql."""
    forgetting = {
        macro["name"].removeprefix("get_incremental_").removesuffix("_sql")
        for macro in project.macros()
        if macro["name"].startswith("get_incremental_") and "forget_state_if_any(" in macro["macro_sql"]
    }
    return [
        node["name"]
        for node in project.nodes("model")
        if node["config"]["materialized"] == "incremental" and node["config"]["incremental_strategy"] not in forgetting
    ]


def relations_that_incremental_models_read_keep_what_they_were_built_with(project: Project) -> list[str]:
    models = {node["unique_id"]: node for node in project.nodes("model")}
    read = [id for id, node in models.items() if node["config"]["materialized"] == "incremental"]
    for id in read:
        read += {parent for parent in models[id]["depends_on"]["nodes"] if parent in models} - set(read)
    return [
        models[id]["name"]
        for id in read
        if models[id]["config"]["materialized"] != "incremental"
        and not any("mark_built()" in hook["sql"] for hook in models[id]["config"]["post-hook"])
    ]


READERS = {"bigint": "whole_number_of({})", "double": "number_of({})", "timestamp": "instant_of({}, timezone)"}


def declared_properties_are_extracted_as_the_catalog_says(project: Project) -> list[str]:
    """Every place that a declared property still lacks, as CONTRIBUTING lists them."""
    staged, published = project.model("stg_events"), project.model("events")
    sql = staged["raw_code"]
    catalog = csv.DictReader(project.files["seeds/property_catalog.csv"].splitlines())
    wanted = {row["property"]: row["type"] for row in catalog}
    numbers = {path: number for number, path in enumerate(re.findall(r"'\$\.(\w+)'", sql), start=1)}
    faults = [f"{name}: add it to seeds/property_catalog.csv" for name in sorted(numbers.keys() - wanted.keys())]
    for name, kind in wanted.items():
        number = numbers.get(name, len(numbers) + 1)
        # without blanks around it for who reads it, as it was sent for who does not
        value = f"texts[{number}]"
        if name not in numbers:
            faults.append(f"{name}: add '$.{name}' as the last path in stg_events.sql")
        places = rf"(?:texts|declared_properties)\[{number}\]"
        read = re.search(rf"^ +((?:\w+\()?{places}(?:, timezone)?\)?) as {name},", sql, re.M)
        reader = READERS.get(kind, "{}").format(value)
        # text may go through a reader of its own, such as one of ids
        typed = read and read[1].startswith(tuple(each.split("(")[0] for each in READERS.values()))
        if not read or (read[1] != reader and (typed or kind in READERS)):
            faults.append(f"{name}: read it in stg_events.sql by `{reader} as {name},`")
        unread = f"unread('{name}', unreadable_properties[{number}], {name})"
        if kind in READERS and unread not in sql:
            faults.append(f"{name}: state in stg_events.sql by `{unread}`")
        if kind not in READERS and unread in sql:
            faults.append(f"{name}: text is always read, so take `{unread}` away in stg_events.sql")
        for node, file in ((staged, "staging/_staging__models.yml"), (published, "marts/core/_core__models.yml")):
            if node["columns"].get(name, {}).get("data_type") != kind:
                faults.append(f"{name}: describe it as {kind} of {node['name']} in models/{file}")
    return faults


def settings_are_used_and_declared(project: Project) -> list[str]:
    declared = set(yaml.safe_load(project.files["dbt_project.yml"])["vars"])
    read = ("models/", "macros/", "tests/dbt/")
    sql = "\n".join(text for name, text in project.files.items() if name.startswith(read))
    used = set(re.findall(r"\bsetting\([\"'](\w+)[\"']\)", sql))
    return sorted(used ^ declared)


def unit_tests_say_the_settings_they_stand_on(project: Project) -> list[str]:
    faults = []
    for test in project.manifest["unit_tests"].values():
        sql = project.model(test["model"])["raw_code"]
        used = set(re.findall(r"setting\('(\w+)'\)", sql)) | ({"reporting_timezone"} if "local_date(" in sql else set())
        said = ((test.get("overrides") or {}).get("env_vars") or {}).keys()
        faults += [f"{test['name']}: {name}" for name in sorted(used) if f"FOOTFALL_{name.upper()}" not in said]
    return faults


def files_name_no_machine_and_no_package_index(project: Project) -> list[str]:
    places = [
        re.escape(f"{REPOSITORY}/"),
        re.escape(f"{Path.home()}/"),
        r"\bindex-url[ =]",
        r"https?://\S+/simple\b",
        r"https?://registry\.",
    ]
    faults = []
    for name, text in project.files.items():
        if name != "tests/conventions/test_project.py" and re.search("|".join(places), text):
            faults.append(name)
    return faults


# what each room may import of the others: data walk one way, and nobody walks back
ROOMS = {
    "fits": (),
    "ingest": (),
    "serving": ("ingest",),
    # what applications import; a home on disk it reads and writes by what an installation has
    "footfall": ("ingest", "serving"),
    "forwarding": ("ingest",),
    "spark": (),
    "orchestration": ("demo", "forwarding", "ingest", "serving"),
    "demo": ("ingest", "orchestration"),
}


def rooms_import_no_later_room(project: Project) -> list[str]:
    faults = []
    for name, text in project.files.items():
        room = name.split("/")[0]
        if room in ROOMS and name.endswith(".py"):
            imported = set(re.findall(r"^ *(?:from|import) (\w+)", text, flags=re.MULTILINE))
            tools = {"dbt", "dagster"} if room != "orchestration" else set()
            faults += [f"{name}: {other}" for other in (ROOMS.keys() | tools) & imported - {room, *ROOMS[room]}]
    return faults


def published_views_read_what_is_published(project: Project) -> list[str]:
    published = {n["unique_id"]: n for n in project.nodes("model", "seed") if n["config"]["meta"].get("publish")}
    return [
        f"{node['name']} reads {parent}"
        for node in published.values()
        if node["config"]["materialized"] == "view" and node["config"]["meta"]["publish"] != "table"
        for parent in node["depends_on"]["nodes"]
        if parent.startswith("model.") and parent not in published
    ]


LONGEST_README = 120


def the_readme_is_short(project: Project) -> list[str]:
    lines = project.files["README.md"].splitlines()
    return [] if len(lines) <= LONGEST_README else [f"README.md: {len(lines)} lines, more than {LONGEST_README}"]


def every_mart_is_in_the_list_of_marts(project: Project) -> list[str]:
    listed = set(re.findall(r"`(\w+)`", project.files["docs/marts.md"]))
    marts = {n["name"] for n in project.nodes("model") if layer(n) == "marts" and not n["config"]["meta"].get("card")}
    return sorted(marts ^ {name for name in listed if re.match(r"(dim|fct)_|events$", name)})


def links_of_the_texts_lead_somewhere(project: Project) -> list[str]:
    faults = []
    for name, text in project.files.items():
        if name.endswith(".md"):
            links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
            links += re.findall(r'(?:src|srcset|href)="([^"#]+)"', text)
            for link in links:
                if not re.match(r"\w+:", link) and not (REPOSITORY / name).parent.joinpath(link).exists():
                    faults.append(f"{name}: {link}")
    return faults


def commands_of_the_texts_exist(project: Project) -> list[str]:
    targets = set(re.findall(r"^([a-z]+):", project.files["Makefile"], flags=re.MULTILINE))
    commands = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    faults = []
    for name, text in project.files.items():
        if name.endswith(".md") or name == ".ci/run":
            for tool, word in re.findall(
                r"(?:^|`)(make|footfall) ([a-z]+)(?=`|\s*$|\s+[#-])", text, flags=re.MULTILINE
            ):
                if word not in (targets if tool == "make" else commands):
                    faults.append(f"{name}: {tool} {word}")
    return faults


def names_of_the_texts_exist(project: Project) -> list[str]:
    """Files, relations and settings that a text names; CHANGELOG may name what was."""
    folders = {name.split("/")[0] for name in project.files if "/" in name}
    relations = {node["name"] for node in project.nodes("model", "test")}
    settings = {f"FOOTFALL_{name.upper()}" for name in (*OF_ONE_RUN, *kept_names(REPOSITORY))}
    faults = []
    for name, text in project.files.items():
        if not name.endswith(".md") or name == "CHANGELOG.md":
            continue
        paths = {path for path in re.findall(r"`([\w./-]+/[\w./-]*)`", text) if path.split("/")[0] in folders}
        named = set(re.findall(r"`((?:fct|dim|int|stg|assert)_\w+)`", text))
        lost = {path for path in paths if not (REPOSITORY / path).exists()}
        lost |= (named - relations) | (set(re.findall(r"FOOTFALL_[A-Z_]+", text)) - settings)
        faults += [f"{name}: {each}" for each in sorted(lost)]
    return faults


def decisions_are_numbered_one_by_one(project: Project) -> list[str]:
    pages = sorted(name for name in project.files if name.startswith("docs/decisions/"))
    return [
        name
        for number, name in enumerate(pages, start=1)
        if not name.startswith(f"docs/decisions/{number:04d}-") or not project.files[name].startswith(f"# {number}. ")
    ]


def column(project: Project, model: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = project.model(model)["columns"][name]
    return found


def append(project: Project, model: str, sql: str) -> None:
    project.model(model)["raw_code"] += sql


def break_file(project: Project, name: str, text: str) -> None:
    project.files[name] = project.files.get(name, "") + text


BREAKS: dict[Callable[[Project], list[str]], Callable[[Project], Any]] = {
    descriptions_begin_with_the_grain: lambda p: p.model("dim_dates").update(description="The calendar."),
    every_column_has_a_description_and_a_type: lambda p: column(p, "dim_dates", "date_day").update(
        description="Date day."
    ),
    marts_are_published_and_have_contracts: lambda p: p.model("dim_dates")["config"]["contract"].update(enforced=False),
    readers_see_no_bookkeeping: lambda p: p.model("int_person_segments")["config"]["meta"]["publish"].pop("without"),
    publishing_knows_what_each_id_is_of: lambda p: p.model("dim_dates")["columns"].update({"friend_id": {}}),
    only_staging_reads_sources: lambda p: p.model("dim_dates")["depends_on"]["nodes"].append(
        "source.footfall.landing.events"
    ),
    marts_do_not_read_staging: lambda p: p.model("dim_dates")["depends_on"]["nodes"].append(
        "model.footfall.stg_events"
    ),
    nobody_reads_a_later_layer: lambda p: p.model("int_sessions")["depends_on"]["nodes"].append(
        "model.footfall.dim_dates"
    ),
    names_say_the_layer: lambda p: p.model("dim_dates").update(name="calendar"),
    column_names_say_their_type: lambda p: column(p, "dim_persons", "first_seen_at").update(data_type="date"),
    models_are_short_or_argue_for_it: lambda p: append(p, "dim_dates", "\n" * 100),
    the_project_reads_as_plain_sql: lambda p: p.manifest["macros"].update(
        {f"{macro}{number}": each for macro, each in list(p.manifest["macros"].items()) for number in range(9)}
    ),
    yaml_files_are_short: lambda p: break_file(p, "models/_groups.yml", "\n" * 300),
    steps_are_nouns: lambda p: append(p, "dim_dates", "\nfinal as (\n"),
    models_end_by_selecting_their_last_step: lambda p: append(p, "dim_dates", "\nwhere is_in_data"),
    every_model_has_a_grain_test: lambda p: p.manifest["nodes"].pop(
        next(key for key in p.manifest["nodes"] if "grain_of_dim_dates" in key)
    ),
    metrics_have_full_cards_of_their_own: lambda p: p.model("metric_dau")["config"]["meta"]["card"].pop("unit"),
    metrics_have_the_same_columns_and_stand_under_their_law: lambda p: law_of_metrics(p)["depends_on"]["nodes"].remove(
        "model.footfall.metric_dau"
    ),
    metric_pages_are_those_that_the_cards_make: lambda p: p.model("metric_dau")["config"]["meta"]["card"].update(
        unit="people"
    ),
    semantic_metrics_have_the_words_of_a_card: lambda p: p.manifest["metrics"]["metric.footfall.dau"].update(
        description="Persons of the day."
    ),
    semantic_measures_of_sessions_count_no_bot: lambda p: p.manifest["semantic_models"][
        "semantic_model.footfall.sessions"
    ]["measures"][1].update(expr="is_bounce"),
    laws_are_sentences_and_say_what_a_failing_row_means: lambda p: next(
        test for test in p.nodes("test") if test["name"] == "assert_dates_have_no_holes"
    ).update(raw_code="select 1"),
    every_macro_and_argument_is_described: lambda p: next(m for m in p.macros() if m["name"] == "dates_in").update(
        arguments=[]
    ),
    incremental_models_say_when_they_changed: lambda p: p.model("int_sessions")["config"].update(
        {"incremental_strategy": "merge"}
    ),
    incremental_models_keep_their_watermark: lambda p: p.model("int_sessions")["config"].update({"post-hook": []}),
    relations_that_incremental_models_read_keep_what_they_were_built_with: lambda p: p.model("int_identities")[
        "config"
    ].update({"post-hook": []}),
    declared_properties_are_extracted_as_the_catalog_says: lambda p: break_file(
        p, "seeds/property_catalog.csv", "platform,varchar,Where it ran\n"
    ),
    settings_are_used_and_declared: lambda p: break_file(
        p, "models/staging/stg_events.sql", "{{ setting('unheard_of') }}"
    ),
    unit_tests_say_the_settings_they_stand_on: lambda p: append(p, "int_identities", "{{ setting('mau_days') }}"),
    files_name_no_machine_and_no_package_index: lambda p: break_file(p, "README.md", f"see {REPOSITORY}/README.md"),
    published_views_read_what_is_published: lambda p: p.model("fct_nps")["config"]["meta"].pop("publish"),
    rooms_import_no_later_room: lambda p: break_file(
        p, "fits/forecast.py", "\nfrom orchestration.build import build\n"
    ),
    the_readme_is_short: lambda p: break_file(p, "README.md", "\nmore" * LONGEST_README),
    every_mart_is_in_the_list_of_marts: lambda p: p.model("dim_dates").update(name="dim_days"),
    links_of_the_texts_lead_somewhere: lambda p: break_file(p, "README.md", "\n[more](docs/nowhere.md)\n"),
    commands_of_the_texts_exist: lambda p: break_file(p, "README.md", "\n`make coffee`\n"),
    names_of_the_texts_exist: lambda p: break_file(
        p, "README.md", "\nBy `FOOTFALL_COFFEE`, `fct_coffee`, `ingest/tea.py`\n"
    ),
    decisions_are_numbered_one_by_one: lambda p: p.files.pop("docs/decisions/0002-watermarks-are-sets-of-batches.md"),
}


@pytest.mark.parametrize("check", BREAKS, ids=lambda check: check.__name__)
def test_the_project_keeps_the_rule(check: Callable[[Project], list[str]], parsed: Project) -> None:
    assert check(parsed) == []


def test_a_property_that_is_only_in_the_catalog_is_told_every_other_place(project: Project) -> None:
    break_file(project, "seeds/property_catalog.csv", "tip_cents,bigint,What was given beside the price\n")
    told = declared_properties_are_extracted_as_the_catalog_says(project)
    number = len(project.files["seeds/property_catalog.csv"].splitlines()) - 1
    assert told == [
        "tip_cents: add '$.tip_cents' as the last path in stg_events.sql",
        f"tip_cents: read it in stg_events.sql by `whole_number_of(texts[{number}]) as tip_cents,`",
        f"tip_cents: state in stg_events.sql by `unread('tip_cents', unreadable_properties[{number}], tip_cents)`",
        "tip_cents: describe it as bigint of stg_events in models/staging/_staging__models.yml",
        "tip_cents: describe it as bigint of events in models/marts/core/_core__models.yml",
    ]


@pytest.mark.parametrize("check", BREAKS, ids=lambda check: check.__name__)
def test_the_check_finds_a_fault(check: Callable[[Project], list[str]], project: Project) -> None:
    before = check(project)
    BREAKS[check](project)
    assert check(project) != before
