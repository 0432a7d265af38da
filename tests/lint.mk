# What the compilers' warnings leave out. Every target fails when it finds something.
C_FILES   := $(sort $(shell find src tests -name '*.[ch]'))
C_SOURCES := $(sort $(shell find src -name '*.c'))
SH_FILES   = $(shell grep -rlE --exclude-dir=build --exclude-dir=.git --exclude-dir=man '^\#!.*[/ ](ba|da)?sh( |$$)' packaging tests etc .ci)
MAN_FILES := $(sort $(wildcard packaging/man/*.[1-9]))

.PHONY: lint format lint-format lint-tidy lint-cppcheck lint-analyzer lint-shell lint-man

lint: lint-format lint-shell lint-man lint-cppcheck lint-tidy lint-analyzer ## looks for what compilers do not say

format: ## lays the code out
	clang-format -i $(C_FILES)

lint-format:
	clang-format --dry-run --Werror $(C_FILES)

lint-shell:
	shellcheck -x $(SH_FILES) $(wildcard packaging/completions/*.bash)

lint-man:
	$(if $(MAN_FILES),mandoc -T lint -W warning $(MAN_FILES))

lint-cppcheck:
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--suppress=missingIncludeSystem -j $(CORES) -Isrc -D_POSIX_C_SOURCE=200809L $(C_SOURCES)

# the flags hold quotes for a shell, so one reads them
lint-tidy: export TIDY_FLAGS = $(ALL_CPPFLAGS) $(shell $(PKG_CONFIG) --cflags libnotify 2>/dev/null)
lint-tidy:
	printf '%s\n' $(C_SOURCES) | xargs -P $(CORES) -n 4 sh -c 'eval "clang-tidy --quiet \
		--warnings-as-errors=\"*\" \"\$$@\" -- -std=c17 $$TIDY_FLAGS" 2>/dev/null' clang-tidy

# gcc's own analysis, with the paths it takes through cleanup attributes
lint-analyzer:
	@+$(MAKE) -s --no-print-directory BUILD=$(BUILD)/analyzer CC=gcc WERROR=1 CFLAGS='-O1 -g -fanalyzer' $(UNDER_TEST:$(BUILD)/%=$(BUILD)/analyzer/%)
