# `make run` starts the product, `make test` runs the tests; README.md tells more.

VENV := .venv
PYTHON := $(VENV)/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# The tests have services of their own, apart from those of a running `make run`.
TEST_VAR ?= var/test
DEMO_VAR ?= var/demo
MUTANTS_VAR ?= var/mutants
ARGS ?=

.PHONY: run demo secrets test check lint flaws sbom fuzz format bench bench-guard faults hosts mutants screenshots languages lock clean

run: $(VENV)/run.stamp
	@exec $(PYTHON) -m currents_admin.supervisor run

# The same with life in it: two workspaces with a week behind them, and traffic. Its data lie in var/demo/.
demo: $(VENV)/run.stamp
	@exec env CURRENTS_VAR=$(DEMO_VAR) CURRENTS_DEMO_LIFE=1 $(PYTHON) -m currents_admin.supervisor run

test: $(VENV)/dev.stamp
	@CURRENTS_VAR=$(TEST_VAR) $(PYTHON) -m currents_admin.supervisor services --fast -- $(PYTHON) -m pytest $(or $(ARGS),--numprocesses=logical --dist=loadfile)

check: lint flaws
	@$(MAKE) --no-print-directory test

lint: $(VENV)/dev.stamp
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m djlint templates --check --quiet
	$(PYTHON) -m tests.house.layout
	$(PYTHON) -m mypy .
	$(VENV)/bin/lint-imports
	CURRENTS_VAR=$(TEST_VAR) $(PYTHON) manage.py makemigrations --check --dry-run

# What docker-compose.yml wants kept secret, a file each; files that exist stay as they are. The folder is closed to others,
# the files in it are not: in a container other users read them.
secrets:
	@umask 077; mkdir -p secrets; chmod 700 secrets; cd secrets; \
	random() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n'; }; \
	word() { random | tr -d '='; }; \
	keep() { test -e "$$1" || printf '%s' "$$2" > "$$1"; chmod 444 "$$1"; }; \
	keep secret_key "$$(word)$$(word)"; \
	keep write_key_encryption_keys "$$(random)"; \
	keep postgres_password "$$(word)"; \
	keep database_owner_url "postgresql://currents:$$(cat postgres_password)@postgres:5432/currents"; \
	keep database_url "postgresql://currents_app:$$(word)@postgres:5432/currents"; \
	keep redis_password "$$(word)"; \
	keep redis_url "redis://:$$(cat redis_password)@redis:6379/0"; \
	keep metrics_token "$$(word)"; \
	keep oidc_client_secret ""; \
	keep sentry_dsn ""; \
	keep otel_exporter_otlp_headers ""; \
	test ! -e email_url || chmod 444 email_url
	@test -s secrets/email_url || echo "Write the address of your mail server into secrets/email_url, such as" \
		"smtp://user:password@mail.example.com:587?tls=1, and run \`make secrets\` again."

# Known flaws of the pinned dependencies. Asks an advisory service for 10 s at most; without a network it only says so.
flaws: $(VENV)/dev.stamp
	@$(PYTHON) -m tests.house.flaws requirements/production.txt requirements/run.txt

# What the product is made of, as CycloneDX, from the lock file the image installs.
sbom: $(VENV)/dev.stamp
	@mkdir -p var
	@$(PYTHON) -m tests.house.sbom requirements/production.txt > var/sbom.cdx.json
	@echo "var/sbom.cdx.json lists what the product is made of."

# The API asked more than 30,000 things nobody would ask; `make test` asks some hundreds. CURRENTS_FUZZ_CASES is its measure.
fuzz: export CURRENTS_FUZZ_CASES ?= 20000
fuzz:
	@$(MAKE) --no-print-directory test \
		ARGS="--hypothesis-show-statistics tests/exporter/api/test_events_fuzz.py tests/exporter/api/test_openapi_fuzz.py"

format: $(VENV)/dev.stamp
	$(PYTHON) -m ruff check --fix .
	$(PYTHON) -m ruff format .
	$(PYTHON) -m djlint templates --reformat --quiet || true

# Measures the product beside its peers; ARGS="delivery intake --quick" picks parts. docs/performance.md tells more.
bench: $(VENV)/dev.stamp
	@CURRENTS_VAR=var/bench $(PYTHON) -m currents_admin.supervisor services -- $(PYTHON) -m benchmarks $(ARGS)

bench-guard: $(VENV)/run.stamp
	@$(PYTHON) -m benchmarks.guard $(ARGS)

# Every fault under load, with a table of what became of the events; ARGS=--short within five minutes.
faults: $(VENV)/run.stamp
	@$(PYTHON) -m tests.faults $(ARGS)

# Web and worker on hosts of their own (network namespaces), whose links are cut while events flow. Linux, as root.
hosts: $(VENV)/run.stamp
	@$(PYTHON) -m tests.hosts $(ARGS)

# Small faults put into the core one by one, each of which a test must see; ARGS="--rooms delivery --resume".
mutants: $(VENV)/dev.stamp
	@CURRENTS_VAR=$(MUTANTS_VAR) $(PYTHON) -m currents_admin.supervisor services --fast -- $(PYTHON) -m tests.mutants $(ARGS)

# Pictures of every screen, wide and narrow, light and dark, in var/test/screenshots/. Needs Chromium.
screenshots:
	@$(MAKE) --no-print-directory test ARGS=tests/browser/screenshots.py

# Every page and state in six languages at four widths, with axe; pictures and texts in var/test/languages/, and
# docs/pictures/languages.jpg. ARGS="-k 'fr or ja'" picks some. Needs Chromium.
languages:
	@$(MAKE) --no-print-directory test ARGS="tests/browser/languages.py --numprocesses=logical $(ARGS)"

# One set of lock files for every system and Python version the product runs on.
lock: $(PYTHON)
	@test -x var/lock/bin/uv || { $(PYTHON) -m venv var/lock && var/lock/bin/python -m pip install --quiet uv; }
	var/lock/bin/uv $(COMPILE) pyproject.toml -o requirements/production.txt >/dev/null
	var/lock/bin/uv $(COMPILE) pyproject.toml --group embedded -o requirements/run.txt >/dev/null
	var/lock/bin/uv $(COMPILE) pyproject.toml --group dev -o requirements/dev.txt >/dev/null
COMPILE := pip compile --quiet --upgrade --no-strip-extras --universal --python-version 3.11 --generate-hashes --no-annotate --no-header

# Data, secrets and logs in var/ stay; deleting var/ by hand is a fresh start.
clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache var/test var/lock

$(PYTHON):
	@for name in python3.13 python3.12 python3.11 python3; do \
		if $$name -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "Making $(VENV) with $$($$name --version)."; exec $$name -m venv --clear $(VENV); \
		fi; \
	done; \
	echo "Python 3.11 or newer with its venv module is needed (on Debian: apt-get install python3-venv)." >&2; exit 1

# Installed anew only when a lock file changed. The larger set contains the smaller one.
$(VENV)/run.stamp: requirements/run.txt | $(PYTHON)
	@echo "Installing what the product needs."
	@$(PYTHON) -m pip install --quiet --require-hashes -r $<
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt | $(PYTHON)
	@echo "Installing what the product and its tests need."
	@$(PYTHON) -m pip install --quiet --require-hashes -r $<
	@touch $@ $(VENV)/run.stamp
