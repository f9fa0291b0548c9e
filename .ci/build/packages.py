"""What pyproject.toml cannot say: packages are found, and templates, static files and translations, which lie beside
the packages in a checkout, are installed within `currents_admin`."""

from setuptools import find_packages, setup

FILES = ("templates", "static", "locale")

setup(
    packages=[
        # The merging of translations is a tool of development, with a library of its own.
        *find_packages(
            include=["currents_admin*", "connectors*", "exporter*"], exclude=["currents_admin.translations*"]
        ),
        *(f"currents_admin.{name}" for name in FILES),
    ],
    package_dir={f"currents_admin.{name}": name for name in FILES},
    package_data={"": ["*.json"], **{f"currents_admin.{name}": ["**/*"] for name in FILES}},
)
