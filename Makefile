# Everything runs in .venv (from requirements.lock) and .tools (servers, linters); neither needs root.
.DEFAULT_GOAL := help
SHELL := /bin/sh
.PHONY: help demo faults roads test test-healthy test-rest pythons check lint format type generate generated-unchanged bench bench-scale mutants tools lock clean

python := .venv/bin/python
members := instrumentation alerts dashboards examples/orders
# One worker more than cores: tests on real servers wait much of their time.
workers := -n $(shell expr $$(nproc) + 1) --maxprocesses 4
results := .test-results
# Programs are found on PATH alone; this is where make tools puts them.
with_tools := env PATH="$(CURDIR)/.tools/bin:$$PATH"
generated := alerts/generated alerts/runbooks dashboards/generated dashboards/provisioning \
  collector/grafana/cqrs-telemetry-pipeline.json docs/metrics.md README.md cqrs.example.yaml

help: ## List the targets
	@sed -n 's/^\([a-z][a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: .venv/.ready ## Run the example under load with real Prometheus; DURATION=90 ends by itself
	@$(python) tools/get_servers.py prometheus
	@exec $(with_tools) .venv/bin/orders demo

faults: .venv/.ready ## Break the example in every way and see which alerts fire; takes half an hour
	@$(python) tools/get_servers.py prometheus alertmanager otelcol
	@exec $(with_tools) .venv/bin/orders faults

roads: .venv/.ready ## Prove every road to Prometheus by every naming strategy; needs a machine at rest
	@$(python) tools/get_servers.py prometheus prometheus2 otelcol
	@exec $(with_tools) .venv/bin/orders roads

# Two runs at once. What looks for signs of a healthy shop gets the processors first, or the shop
# would look slow; it leaves them idle for much of its time, and the rest takes them.
test: lint type generated-unchanged tools ## Run everything that CI runs, in less than twenty minutes
	@rm -rf $(results)
	@$(MAKE) --no-print-directory --jobs=2 --keep-going test-healthy test-rest

test-healthy:
	$(python) -m pytest -m healthy --results=$(results)

# A module at a time per worker: its tests share servers.
test-rest:
	nice -n 19 $(python) -m pytest -m 'not healthy' $(workers) --dist loadfile --results=$(results)

pythons: .venv/.ready ## Run the instrumentation's tests on every supported Python that is there
	$(python) tools/test_pythons.py

check: lint type generated-unchanged ## Run what needs no server, in two minutes: while you work
	$(python) -m pytest tests/unit -m 'not servers' $(workers) --dist worksteal

lint: .venv/.ready ## Check style with ruff
	.venv/bin/ruff check
	.venv/bin/ruff format --check

format: .venv/.ready ## Mend what ruff can mend
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

type: .venv/.ready ## Check types with mypy and basedpyright
	.venv/bin/mypy
	.venv/bin/basedpyright

generate: .venv/.ready ## Write rules, runbooks, dashboards and reference again
	.venv/bin/cqrs-alerts generate --output alerts/generated --runbooks alerts/runbooks
	.venv/bin/cqrs-alerts metrics --output docs/metrics.md --readme README.md
	.venv/bin/cqrs-alerts example --output cqrs.example.yaml
	.venv/bin/cqrs-dashboards generate --output dashboards/generated \
	  --provisioning dashboards/provisioning/cqrs.yaml
	.venv/bin/cqrs-dashboards generate --output collector/grafana --config collector/cqrs.yaml \
	  --select telemetry-pipeline

# Against the index, not the last commit: who changes what is generated stages it, then tests it.
generated-unchanged: generate
	@git diff --exit-code --stat -- $(generated) \
	  && test -z "$$(git ls-files --others --exclude-standard -- $(generated))" \
	  || { git status --short -- $(generated); \
	       echo 'generated files differ: git add what make generate wrote' >&2; exit 1; }

mutants: .venv/.ready tools ## Print the share of wrong rules that the tests of the rules notice
	$(python) tests/mutation/run.py

bench: .venv/.ready ## Compare our cost with the hand-written code's, side by side
	$(python) tests/bench/run.py
	$(python) tests/bench/scrape.py
	$(with_tools) $(python) tests/bench/tools.py

bench-scale: .venv/.ready ## Measure rules and dashboards over many instances; takes hours
	@$(python) tools/get_servers.py prometheus promtool
	$(with_tools) $(python) tests/bench/scale.py

tools: .venv/.ready ## Get Prometheus, Alertmanager, collector, PostgreSQL, linters, Chromium into .tools/bin
	@$(python) tools/get_servers.py
	@$(python) tools/get_packaged.py

lock: ## Pin the dependencies again after a pyproject.toml changed
	.venv/bin/uv lock --upgrade
	.venv/bin/uv export -q --all-packages --all-extras --all-groups --no-emit-workspace \
	  --no-header --no-annotate --format requirements-txt -o requirements.lock

clean: ## Remove everything that make made
	rm -rf .venv .tools .demo .test-results .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.ready: requirements.lock pyproject.toml $(members:%=%/pyproject.toml) tools/bootstrap.sh
	@tools/bootstrap.sh
