"""What was trained on a dataset version."""

from sqlalchemy import Engine

from sdxl_reg.catalog.dataset_uses import trained_on, trained_on_each
from sdxl_reg.catalog.datasets import dataset_versions
from sdxl_reg.store.database import reading


def test_a_dataset_version_names_what_was_trained_on_it(trained: Engine) -> None:
    with reading(trained) as session:
        version = dataset_versions(session)[0]
        assert trained_on(session, version) == ["x-lora@1", "x-lora@2"]
        assert trained_on_each(session, [version]) == {version.node_id: ["x-lora@1", "x-lora@2"]}
        assert trained_on_each(session, []) == {}
