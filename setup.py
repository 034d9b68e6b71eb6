"""What has no place in pyproject.toml: the shared namespace and babel's message extractors."""

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py


class WithoutTests(build_py):
    """Leave pytest's file among the modules of the package out of wheel and sdist."""

    def find_package_modules(self, package, package_dir):
        """Return the modules of a package as (package, name, file)."""
        modules = super().find_package_modules(package, package_dir)
        return [module for module in modules if module[1] != "conftest"]


setup(
    packages=find_packages(include=["ckanext", "ckanext.*"], exclude=["*.tests", "*.tests.*"]),
    cmdclass={"build_py": WithoutTests},
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
