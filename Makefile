# Everything is done by the package dev/stack, which needs Python's standard library only.
.DEFAULT_GOAL := help
.PHONY: help soak screenshots docs-site week guide attack fuzz adopt-table goldens matrix weight docs i18n chaos federation bench-fidelity bench-harvest bench-relevance bench-search bench-studies scale sizing demo setup up stop down status env test test-fast test-all test-room lint lock release sbom audit clean
export PORT POSTGRES_PORT REDIS_PORT SOLR_PORT PYCSW_PORT SMTP_PORT MAIL_PORT OGC_PORT RECORDS COUNT WORKERS PLUGINS
stack = python3 -m dev.stack

help: ## List the commands
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

demo: ## Set everything up and harvest the demonstration catalogue (RECORDS=DIR adds a folder of ISO records, PLUGINS=ecosphere_credentials an optional plugin)
	@$(stack) demo

guide: ## Follow the installation guide word by word, in a clean environment (15 minutes at most)
	@python3 -m dev.guide

setup: ## Install the project and what it needs into .venv
	@$(stack) setup

up: ## Start PostgreSQL, Redis and Solr of this checkout (PORT=5100 chooses other ports)
	@$(stack) up

stop: ## Stop what this checkout started, and nothing else
	@$(stack) stop

down: stop

status: ## Show what runs and on which ports
	@$(stack) status

env: ## Print the variables for running pytest by hand: eval "$(make -s env)"
	@$(stack) env

test: ## Run the tests of every change on the real services (ARGS="-k badge" is handed on to pytest)
	@$(stack) test $(ARGS)

test-fast: ## Run the tests of pure code, without any service (a minute and a half at most)
	@$(stack) test-fast $(ARGS)

test-all: docs-site ## Run the whole test suite, as before a release (ARGS=--durations=100 is handed on to pytest)
	@$(stack) test-all $(ARGS)

test-room: ## Run the tests of one room: make test-room ROOM=quality
	@$(stack) test ckanext/ecosphere/$(ROOM) $(ARGS)

help_images = ckanext/ecosphere/public/ecosphere/help/images
screenshots: ## Take the pictures of the documentation anew, in the journeys of the tests that show them
	@ECOSPHERE_IMAGES=docs/images:$(help_images) $(stack) test $$(grep -rl --include='test_*.py' 'picture(page' ckanext) -m browser

week: ## Play a week of a service: 40 requests, an absence, an escalation, an embargo, e-mails out and in (3 minutes)
	@$(stack) test ckanext/ecosphere/data_requests/tests/week_of_a_service.py

matrix: ## Call every action and page as each persona, then show who may do what
	@$(stack) test ckanext/ecosphere/tests/access/test_matrix.py $(ARGS)
	@.venv/bin/python -m ckanext.ecosphere.tests.access.tables

adopt-table: ## Lead a plain catalogue in and out of the plugins in every order, and show its fields before and after (IN_A_ROW=6: all orders of all operations, a quarter of an hour)
	@IN_A_ROW=$(or $(IN_A_ROW),3) $(stack) test ckanext/ecosphere/tests/in_and_out/test_orders.py -rP

weight: ## Weigh the code: syntax nodes, lines, files, style, and the most that they may be
	@.venv/bin/python -m dev.weight

goldens: ## Compare what known records become with what they became before (ARGS=--record stores the present state)
	@.venv/bin/python -m dev.goldens --records $(or $(RECORDS),../shared/records) $(ARGS)

bench-harvest: ## Our harvest beside ckanext-spatial's, on one catalogue (RECORDS=1000 RUNS=10 ONLY=ours,ours-plain ROUNDS=first,again)
	@$(stack) up
	@.venv/bin/python -m dev.bench.harvest --records $(or $(RECORDS),1000) \
		--workers $(or $(WORKERS),2) --contestants $(if $(ONLY),$(ONLY),ours,stock) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(RUNS),--runs $(RUNS))

bench-fidelity: ## What of real records is in the datasets, told, lost or wrong (RECORDS=../shared/records ARGS="--paths --show lost")
	@.venv/bin/python -m dev.bench.fidelity $(or $(RECORDS),../shared/records) $(ARGS)

bench-relevance: ## Judged questions over the demonstration catalogue, and what is said of exclusions and missing subjects (after COUNT=27897 make demo; SHOW=0.7)
	@$(stack) up
	@.venv/bin/python -m dev.bench.relevance $(if $(SHOW),--show $(SHOW))

bench-search: ## Measure search pages, package_search and suggestions, beside CKAN alone (after COUNT=27897 make demo; PEOPLE=20 SECONDS=30)
	@.venv/bin/python -m dev.bench.search --people $(or $(PEOPLE),20) --seconds $(or $(SECONDS),30)

bench-studies: ## Measure how long studies look for datasets, and whether the right one comes first (after COUNT=27897 make demo; RUNS=3)
	@$(stack) up
	@.venv/bin/python -m dev.bench.studies --runs $(or $(RUNS),3)

federation: setup ## Let udata's own harvester read the portal, and show what became of each dataset
	@$(stack) federation

attack: setup ## Attack the portal of make demo, which is started if it does not run (CLASS=xss,ssrf SEED=7)
	@.venv/bin/python -m dev.attack $(if $(CLASS),--classes $(CLASS)) $(if $(SEED),--seed $(SEED))

fuzz: setup ## Read mutated files of each format, and look what the reader opens (FORMATS=gpkg,kml COUNT=10000 SEED=1)
	@.venv/bin/python -m dev.fuzz $(if $(FORMATS),--formats $(FORMATS)) --count $(or $(COUNT),10000) --seed $(or $(SEED),1)

i18n: setup ## Extract the messages, complete and compile the French catalogue (FILES=… takes translations from .po files)
	@.venv/bin/python -m dev.translations update $(FILES)
	@.venv/bin/python -m dev.translations missing

lint: ## Check the code with ruff and pyright
	@$(stack) lint

docs: ## Write the parts of docs/ that come from the code
	@.venv/bin/python -m dev.reference

docs-site: ## Build the site of the guides in French into .local/docs-site; a broken link is an error
	@test -x .local/docs-venv/bin/mkdocs || { python3 -m venv .local/docs-venv && .local/docs-venv/bin/pip install --quiet -r dev/docs.lock; }
	@NO_MKDOCS_2_WARNING=1 .local/docs-venv/bin/mkdocs build --strict --quiet

lock: ## Compile dev/requirements.lock anew
	@$(stack) lock

release: setup ## Build wheel and sdist into dist/, with SHA256SUMS, signed if gpg has a secret key (SIGN_AS=name chooses one)
	@rm -rf build dist
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) .venv/bin/python -m build --no-isolation --outdir dist . > dist.log 2>&1 || { tail -20 dist.log; exit 1; }
	@rm -f dist.log
	@cd dist && sha256sum -- *.whl *.tar.gz > SHA256SUMS && cat SHA256SUMS
	@cd dist && if ! gpg --batch --list-secret-keys $(SIGN_AS) 2>/dev/null | grep -q '^sec'; then echo "SHA256SUMS is not signed: gpg has no secret key."; \
		else gpg --batch --yes --armor $(if $(SIGN_AS),--local-user $(SIGN_AS)) --detach-sign SHA256SUMS && echo "Signed: dist/SHA256SUMS.asc"; fi

.local/audit-venv/bin/pip-audit:
	@python3 -m venv .local/audit-venv
	@.venv/bin/uv pip install -q --python .local/audit-venv/bin/python "cyclonedx-bom>=7,<8" "pip-audit>=2.9,<3"

sbom: setup .local/audit-venv/bin/pip-audit ## Write dist/sbom.json: the packages of the lock file in CycloneDX form
	@mkdir -p dist
	@.local/audit-venv/bin/cyclonedx-py requirements dev/requirements.lock --pyproject pyproject.toml --output-reproducible --of JSON -o dist/sbom.json 2>&1 | grep -v -e Warning -e 'warn(' || true
	@test -s dist/sbom.json && echo "dist/sbom.json"

audit: setup .local/audit-venv/bin/pip-audit ## Compare the lock file with the published advisories; fails, too, if these cannot be reached
	@.local/audit-venv/bin/pip-audit --strict --no-deps --disable-pip --progress-spinner off -r dev/requirements.lock

.local/s3-venv/bin/moto_server:
	@python3 -m venv .local/s3-venv
	@.venv/bin/uv pip install -q --python .local/s3-venv/bin/python "moto[s3,server]==5.2.5"

scale: setup .local/s3-venv/bin/moto_server ## Start a portal of which there is more than one of everything (ECOSPHERE_STACK=scale make stop)
	@ECOSPHERE_STACK=scale WORKERS=4 .venv/bin/python -m dev.scale

sizing: setup ## Measure database, index, harvest, pages and night of portals of several sizes (DATASETS=30000,100000)
	@.venv/bin/python -m dev.sizing $(or $(DATASETS),30000,100000)

clean: ## Stop everything and remove .venv and .local
	@$(stack) clean

chaos: ## Kill workers, web server, Solr, PostgreSQL and Redis under load and see whether anything is lost (SEED="1 2 3" KILLS=20)
	@$(stack) setup
	@.venv/bin/python -m dev.chaos --seed $(or $(SEED),1) --kills $(or $(KILLS),20) --records $(or $(RECORDS),60)

soak: ## Keep a portal under load and see whether memory, connections, files or queues grow (MINUTES=60)
	@$(stack) setup
	@.venv/bin/python -m dev.soak --minutes $(or $(MINUTES),60)
