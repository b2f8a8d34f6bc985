# A thin face over CMake. The two commands of the README are `make demo` and `make test`.
BUILD ?= build
OUT ?= out/demo
PARITY ?= out/parity
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
SOURCES = $(shell git ls-files 'include/*.h' 'src/*.[ch]' 'src/*.[ch]pp' 'src/*.cu' 'src/*.cuh' 'src/*.inc' 'cli/*.[ch]' 'tests/*.[ch]' 'bench/*.[ch]' 'examples/*.c')

.PHONY: all demo demo-train selftest test sanitize tsan clang fuzz arm64 parity lint format format-check includes tidy cppcheck install install-test clean

all: | $(BUILD)/build.ninja
	@cmake --build $(BUILD) --target of3 -j $(JOBS)

# On Apple Silicon MLX computes: it is fetched once, unless Homebrew's is there.
$(BUILD)/build.ninja:
	@tools/install.sh build
	@[ "$$(uname -sm)" != "Darwin arm64" ] || [ -d /opt/homebrew/opt/mlx ] || tools/get_mlx.sh || \
	  echo "MLX could not be fetched; of3 will compute on the CPU"
	@cmake -S . -B $(BUILD) -G Ninja -DCMAKE_BUILD_TYPE=Release

# Folds ubiquitin, which the demonstration checkpoint never saw.
demo: all
	$(BUILD)/of3 predict examples/demo/ubiquitin.json --checkpoint examples/demo/of3-demo.safetensors \
	  --output-dir $(OUT)
	@echo
	@echo "The structure is $(OUT)/ubiquitin/ubiquitin_best_model.cif"

# Trains a small network on ubiquitin as the demonstration checkpoint folds it, from the beginning.
demo-train: all
	@rm -rf out/demo-train && mkdir -p out/demo-train/structures
	$(BUILD)/of3 predict examples/demo/ubiquitin.json --checkpoint examples/demo/of3-demo.safetensors \
	  --output-dir out/demo-train/fold --samples 1 --steps 30 --log error
	@cp out/demo-train/fold/ubiquitin/ubiquitin_best_model.cif out/demo-train/structures/ubiquitin.cif
	$(BUILD)/of3 data build out/demo-train/structures --output out/demo-train/ubiquitin.set
	$(BUILD)/of3 train examples/demo/training.yaml
	@awk -F, 'NR > 1 { loss[NR - 1] = $$2 } END { n = 15; for (i = 1; i <= n; i++) { a += loss[i]; b += loss[NR - i] } \
	  printf "mean loss of the first %d steps %.2f, of the last %d steps %.2f\n", n, a / n, n, b / n }' out/demo-train/train.csv
	@echo "The curve of the loss is out/demo-train/loss.svg"

test: | $(BUILD)/build.ninja
	@cmake --build $(BUILD) -j $(JOBS)
	@cd $(BUILD) && ctest --output-on-failure -j $(JOBS)

# The same tests under the address and undefined-behaviour sanitizers; those with threads under the thread sanitizer; what depends
# on the compiler with clang; a minute of fuzzing for each reader. What each leaves out is said there.
sanitize:
	@tests/sanitize.sh

tsan:
	@tests/tsan.sh

clang:
	@tests/clang.sh

fuzz:
	@tests/fuzz.sh

# The tests that depend on the processor in NEON and NEON bf16, under qemu (Debian only).
arm64:
	@tests/arm64.sh || [ $$? = 77 ]

# The network against PyTorch's numbers on this machine, as a table: make selftest BACKEND=mlx
BACKEND ?= cpu
selftest: all
	@cmake --build $(BUILD) --target parity -j $(JOBS)
	@$(BUILD)/of3 selftest --backend $(BACKEND)

# Large fixtures: made with PyTorch and the oracle, then checked in f32 and in bf16.
parity: | $(BUILD)/build.ninja
	@cmake --build $(BUILD) --target parity -j $(JOBS)
	@tools/make_parity.sh $(PARITY)
	@while read -r fixture checkpoint; do \
	  for type in f32 $$(case $$fixture in */grad_*) ;; *) echo bf16 ;; esac); do \
	    echo "$$fixture $$type"; \
	    $(BUILD)/tests/parity --checkpoint "$$checkpoint" --fixture "$$fixture" --dtype $$type || exit 1; \
	  done; \
	done < $(PARITY)/list.txt

lint: includes format-check cppcheck tidy

includes:
	@tests/check_includes.sh

format-check:
	@tools/install.sh lint
	@clang-format-14 --dry-run --Werror $(SOURCES)

format:
	@clang-format-14 -i $(SOURCES)

cppcheck: | $(BUILD)/build.ninja
	@git ls-files 'src/*.c' 'cli/*.c' | cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr \
	  --error-exitcode=1 -j $(JOBS) --suppressions-list=tests/cppcheck.txt -I include -I src --file-list=-

# With assertions on, so that what they rule out is not complained about.
tidy:
	@tools/install.sh build lint
	@cmake -S . -B build-debug -G Ninja -DCMAKE_BUILD_TYPE=Debug >/dev/null
	@git ls-files 'src/*.c' 'cli/*.c' | xargs -P $(JOBS) -n 1 clang-tidy-14 --quiet -p build-debug 2>&1 | \
	  { ! grep -vE '^[0-9]+ warnings? (generated|treated as error)'; }

# PREFIX=/somewhere make install
install: all
	@cmake --build $(BUILD) --target of3_shared parity -j $(JOBS)
	@cmake --install $(BUILD) $(if $(PREFIX),--prefix $(PREFIX))

# The installation: examples built against it by pkg-config, the headers as C++, what the library shows.
install-test: | $(BUILD)/build.ninja
	@cmake --build $(BUILD) --target of3 of3_shared parity -j $(JOBS)
	@tests/install.sh $(BUILD)

clean:
	@cmake -E rm -rf $(BUILD) build-sanitize build-tsan build-clang build-debug build-fuzz build-arm64 build-macos
