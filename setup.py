"""What has no place in pyproject.toml: the shared namespace and babel's message extractors."""

from setuptools import find_packages, setup

setup(
    packages=find_packages(include=["ckanext", "ckanext.*"]),
    # Without it Python does not find an editable install beside the other extensions.
    namespace_packages=["ckanext"],
    message_extractors={
        "ckanext": [
            ("**.py", "python", None),
            ("**.js", "javascript", None),
            ("**/templates/**.html", "ckan", None),
            ("**/templates/**.txt", "ckan", None),
        ],
    },
)
