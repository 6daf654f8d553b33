"""Fixtures of the tests of objects."""

import pytest

from objects_client import ObjectsClient


@pytest.fixture
def client(objects_service):
    with ObjectsClient(objects_service.url) as c:
        yield c
