/* Runs .tflite files on LiteRT's CPU accelerator (XNNPACK) in turn and says how long each inference took.
 *
 * usage: runner LIBRARY THREADS ROUNDS RUNS ROUND_MS WARM_UP_MS CORES (MODEL INPUT OUTPUT)...
 *
 * LIBRARY is libLiteRt.so of the machine that this runs on. CORES are those to run on, such as 4,5,6, or
 * `all`. INPUT holds the bytes of the model's one input as the file stores it; OUTPUT receives those of its
 * outputs, one after the other, in the order of its signature. Models are warmed up for at most WARM_UP_MS each
 * and then take turns, A B A B, ROUNDS times, with at least RUNS runs and ROUND_MS each time. Standard output
 * gets JSON, one object a line, times in nanoseconds:
 *
 *   {"model": 0, "load": 1}                               once it is ready
 *   {"model": 0, "stable": 1}                             once it is warm; 0 when time was up before
 *   {"model": 0, "wall": [1, ...], "cpu": [1, ...]}       after each round
 *   {"peak_bytes": 1}                                     at the end: memory above that before loading; or 0
 *
 * Each inference lies between two calls of lseek(MARKER, 0, SEEK_SET), which fail and change nothing: an
 * emulator that watches system calls (insn_count.c) learns from them where an inference begins and ends.
 */

#include "common.h"

#include <time.h>
#include <unistd.h>

enum {
    MARKER = -4242, /* the same in insn_count.c */
    LOCK_READ = 0,  /* kLiteRtTensorBufferLockModeRead */
    WINDOW = 5,     /* runs whose median is compared with that of the runs before them */
};

struct times {
    long long *values;
    size_t count, room;
};

static void write_outputs(struct model *model, const char *path)
{
    FILE *file = fopen(path, "wb");
    if (!file) fail("%s cannot be written", path);
    for (size_t i = 0; i < model->output_count; i++) {
        size_t bytes;
        void *memory;
        TRY(GetTensorBufferPackedSize, model->outputs[i], &bytes);
        TRY(LockTensorBuffer, model->outputs[i], &memory, LOCK_READ);
        if (fwrite(memory, 1, bytes, file) != bytes) fail("%s cannot be written", path);
        TRY(UnlockTensorBuffer, model->outputs[i]);
    }
    if (fclose(file)) fail("%s cannot be written", path);
}

static long long nanoseconds(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void mark(void)
{
    if (lseek(MARKER, 0, SEEK_SET) == 0) fail("file %d should not be open", MARKER);
}

static void append(struct times *times, long long value)
{
    if (times->count == times->room) {
        times->room = times->room ? 2 * times->room : 64;
        times->values = realloc(times->values, times->room * sizeof *times->values);
        if (!times->values) fail("no memory for %zu runs", times->room);
    }
    times->values[times->count++] = value;
}

static void run_once(struct model *model, struct times *wall, struct times *cpu)
{
    long long wall_start = nanoseconds(CLOCK_MONOTONIC);
    long long cpu_start = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    mark();
    TRY(RunCompiledModel, model->compiled, 0, 1, &model->input, model->output_count, model->outputs);
    mark();
    append(cpu, nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_start);
    append(wall, nanoseconds(CLOCK_MONOTONIC) - wall_start);
}

static int ascending(const void *a, const void *b)
{
    long long x = *(const long long *)a, y = *(const long long *)b;
    return (x > y) - (x < y);
}

/* Run until two medians of processor time are within 5 %, or time is up; whether they came so close. */
static int warm_up(struct model *model, long long longest)
{
    long long start = nanoseconds(CLOCK_MONOTONIC), before = 0;
    while (nanoseconds(CLOCK_MONOTONIC) - start < longest) {
        struct times wall = {0}, cpu = {0};
        for (int i = 0; i < WINDOW; i++) run_once(model, &wall, &cpu);
        qsort(cpu.values, cpu.count, sizeof *cpu.values, ascending);
        long long median = cpu.values[WINDOW / 2];
        free(wall.values), free(cpu.values);
        if (llabs(median - before) * 20 <= before) return 1;
        before = median;
    }
    return 0;
}

static void print_list(const char *name, const struct times *times)
{
    printf(", \"%s\": [", name);
    for (size_t i = 0; i < times->count; i++) printf("%s%lld", i ? ", " : "", times->values[i]);
    printf("]");
}

static void run_round(struct model *model, size_t index, size_t fewest, long long shortest)
{
    struct times wall = {0}, cpu = {0};
    long long start = nanoseconds(CLOCK_MONOTONIC);
    while (wall.count < fewest || nanoseconds(CLOCK_MONOTONIC) - start < shortest)
        run_once(model, &wall, &cpu);
    printf("{\"model\": %zu", index);
    print_list("wall", &wall);
    print_list("cpu", &cpu);
    printf("}\n");
    fflush(stdout);
    free(wall.values), free(cpu.values);
}

/* The highest resident memory of this process so far (VmHWM of proc(5)), or 0 where it is not told. */
static long long peak_bytes(void)
{
    char line[256];
    long long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file) && sscanf(line, "VmHWM: %lld kB", &kib) != 1) continue;
    if (file) fclose(file);
    return kib * 1024;
}

int main(int argc, char **argv)
{
    enum { FIRST_MODEL = 8, NAMES = 3 };
    if (argc <= FIRST_MODEL || (argc - FIRST_MODEL) % NAMES)
        fail("usage: runner LIBRARY THREADS ROUNDS RUNS ROUND_MS WARM_UP_MS CORES (MODEL INPUT OUTPUT)...");
    int threads = atoi(argv[2]), rounds = atoi(argv[3]), runs = atoi(argv[4]);
    long long round_time = atoll(argv[5]) * 1000000, warm_up_time = atoll(argv[6]) * 1000000;
    if (threads < 1 || rounds < 1 || runs < 1) fail("THREADS, ROUNDS and RUNS must be at least 1");
    char threads_text[32];
    snprintf(threads_text, sizeof threads_text, "num_threads = %d\n", threads);
    if (strcmp(argv[7], "all")) stay_on(argv[7]);

    load_library(argv[1]);
    long long memory = peak_bytes();
    size_t count = (argc - FIRST_MODEL) / NAMES;
    struct model *models = calloc(count, sizeof *models);
    if (!models) fail("no memory for %zu models", count);
    for (size_t i = 0; i < count; i++) {
        char **names = argv + FIRST_MODEL + NAMES * i;
        long long start = nanoseconds(CLOCK_MONOTONIC);
        models[i] = load_model(names[0], cpu_options(threads_text));
        printf("{\"model\": %zu, \"load\": %lld}\n", i, nanoseconds(CLOCK_MONOTONIC) - start);
        read_input(models[i].input, names[1]);
    }
    for (size_t i = 0; i < count; i++)
        printf("{\"model\": %zu, \"stable\": %d}\n", i, warm_up(&models[i], warm_up_time));
    for (int round = 0; round < rounds; round++)
        for (size_t i = 0; i < count; i++) run_round(&models[i], i, runs, round_time);
    for (size_t i = 0; i < count; i++) write_outputs(&models[i], argv[FIRST_MODEL + NAMES * i + 2]);
    printf("{\"peak_bytes\": %lld}\n", peak_bytes() - memory);
    return EXIT_SUCCESS;
}
