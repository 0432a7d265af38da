# What taskbell costs beside named baselines. BENCH_RUNS: rounds of each row; BENCH_ONLY: words of the rows wanted;
# BENCH_KEEP=yes: the table replaces the one in tests/bench/RESULTS.md.
BENCH_RUNS ?= 5
BENCH_PROGRAMS := $(addprefix $(BUILD)/tests/bench/,meter bare parse bench_list)

.PHONY: bench bench-build
bench-build: all $(BENCH_PROGRAMS)

bench: bench-build ## measures beside named baselines; BENCH_ONLY=words
	@$(TEST_ENV) BENCH_RUNS='$(BENCH_RUNS)' BENCH_ONLY='$(BENCH_ONLY)' BENCH_KEEP='$(BENCH_KEEP)' $(PYTHON) -B tests/bench/bench.py

$(BUILD)/tests/bench/meter $(BUILD)/tests/bench/bare $(BUILD)/tests/bench/parse: %: %.o
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $< $(PKG_LIBS) $(LDLIBS)

$(BUILD)/tests/bench/bench_list: %: %.o $(BUILD)/libtaskbell.a
	$(call say,LD,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) $(LDLIBS)
