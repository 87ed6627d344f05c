"""The lock file, the conda environments and the schema say the same as the package."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import yaml

from metamill.config.load import load_review, schema
from metamill.config.methods import METHODS, is_inverse_variance
from metamill.config.settings import Model
from metamill.measures import MEASURES
from metamill.pooling import METHODS as INVERSE_VARIANCE
from metamill.pooling import TESTS
from metamill.pooling.predictive import PREDICTIONS
from metamill.tables.needs import COLUMN_SETS

REPOSITORY = Path(__file__).resolve().parents[2]
LOCK = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
PINNED = dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", LOCK, re.MULTILINE))


def _direct_dependencies() -> list[str]:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    names = project["dependencies"] + project["optional-dependencies"]["dev"]
    return [re.split(r"[>=<]", name)[0] for name in names]


def test_every_direct_dependency_is_pinned_once_with_hashes():
    for name in _direct_dependencies():
        pins = re.findall(rf"^{name}==.*?(?=^\S|\Z)", LOCK, re.MULTILINE | re.DOTALL)
        assert len(pins) == 1, f"{name} has {len(pins)} pins"
        assert "--hash=sha256:" in pins[0]


def test_the_lock_file_names_no_index_and_no_address():
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|file:", LOCK)


def test_conda_environment_lists_the_versions_of_the_lock():
    environment = yaml.safe_load((REPOSITORY / "envs/python.yaml").read_text())
    conda = [item for item in environment["dependencies"] if isinstance(item, str)]
    pip = next(item["pip"] for item in environment["dependencies"] if isinstance(item, dict))
    listed = dict(re.split("==?", item) for item in [*conda, *pip] if "=" in item)
    python = listed.pop("python")
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == f">={python}"
    renamed = {name.removesuffix("-base"): version for name, version in listed.items()}
    runtime = {re.split(r"[>=<]", name)[0] for name in project["dependencies"]}
    assert set(renamed) == runtime
    assert renamed == {name: PINNED[name] for name in runtime}


def test_r_environment_lists_the_versions_that_froze_the_references():
    environment = yaml.safe_load((REPOSITORY / "envs/r.yaml").read_text())
    listed = dict(item.split("=") for item in environment["dependencies"])
    text = (REPOSITORY / "tests/reference/inverse_variance.json").read_text()
    for package in ("metafor", "metadat"):
        version = listed[f"r-{package}"].replace("_", ".")
        assert re.search(rf'"{package}": *"{re.escape(version)}"', text.replace("-", ".")), version


def test_schema_registry_and_codebook_name_the_same_measures_and_methods():
    definitions = schema()["$defs"]
    assert set(definitions["measure"]["enum"]) == set(MEASURES) == set(COLUMN_SETS)
    assert set(definitions["method"]["enum"]) == set(METHODS)
    offered = {test for method in METHODS.values() for test in method.tests}
    assert set(definitions["test"]["enum"]) == offered - {"posterior"}
    assert set(INVERSE_VARIANCE) == {name for name in METHODS if is_inverse_variance(name)}
    assert set(TESTS) <= offered
    assert set(definitions["prediction_interval"]["enum"]) == set(PREDICTIONS)


def test_every_setting_of_a_model_can_be_written_in_config():
    settings = {field.name for field in fields(Model)}
    properties = schema()["$defs"]
    for place in ("outcome", "sensitivity"):
        assert settings <= set(properties[place]["properties"]), place


def test_every_setting_is_described_or_named_by_itself():
    for name, definition in schema()["$defs"].items():
        if name in ("line", "text", "level_name", "outcome"):
            continue
        assert definition.get("description"), f"{name} has no description"


def test_the_record_is_of_the_shipped_tables_and_settings():
    """The outcomes and analyses of results.lock are those of config.yaml."""
    lock = (REPOSITORY / "results.lock").read_text(encoding="utf-8")
    recorded = set(re.findall(r"^number ([a-z0-9_]+) \| ", lock, re.MULTILINE))
    assert recorded == set(load_review(REPOSITORY / "config.yaml").outcomes)
