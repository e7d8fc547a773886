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
 *
 * LiteRT's C functions are declared here, as far as they are called, and looked up at run time, so that this
 * builds with a C compiler and nothing else.
 */

#define _GNU_SOURCE /* sched_setaffinity */

#include <dlfcn.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    MARKER = -4242,          /* the same in insn_count.c */
    ACCELERATOR_CPU = 1,     /* kLiteRtHwAcceleratorCpu */
    LOCK_READ = 0,           /* kLiteRtTensorBufferLockModeRead */
    LOCK_WRITE = 1,          /* kLiteRtTensorBufferLockModeWrite */
    MOST_OUTPUTS = 16,
    WINDOW = 5,              /* runs whose median is compared with that of the runs before them */
    TENSOR_TYPE_BYTES = 512, /* more than a LiteRtRankedTensorType has */
};

typedef struct Opaque *Handle; /* every object of LiteRT */

/* name, arguments; all give 0 for success. */
#define LITERT_FUNCTIONS(F)                                                                               \
    F(CreateEnvironment, (int options, const void *values, Handle *environment))                          \
    F(CreateModelFromFile, (Handle environment, const char *path, Handle *model))                         \
    F(CreateOptions, (Handle * options))                                                                  \
    F(SetOptionsHardwareAccelerators, (Handle options, int accelerators))                                 \
    F(CreateOpaqueOptions, (const char *name, void *text, void (*release)(void *), Handle *opaque))       \
    F(AddOpaqueOptions, (Handle options, Handle opaque))                                                  \
    F(CreateCompiledModel, (Handle environment, Handle model, Handle options, Handle *compiled))          \
    F(GetModelSignature, (Handle model, size_t index, Handle *signature))                                 \
    F(GetNumSignatureInputs, (Handle signature, size_t *count))                                           \
    F(GetNumSignatureOutputs, (Handle signature, size_t *count))                                          \
    F(GetSignatureInputTensorByIndex, (Handle signature, size_t index, Handle *tensor))                   \
    F(GetSignatureOutputTensorByIndex, (Handle signature, size_t index, Handle *tensor))                  \
    F(GetRankedTensorType, (Handle tensor, void *type))                                                   \
    F(GetCompiledModelInputBufferRequirements, (Handle compiled, size_t signature, size_t index, Handle *needs))  \
    F(GetCompiledModelOutputBufferRequirements, (Handle compiled, size_t signature, size_t index, Handle *needs)) \
    F(CreateManagedTensorBufferFromRequirements, (Handle environment, const void *type, Handle needs, Handle *buffer)) \
    F(GetTensorBufferPackedSize, (Handle buffer, size_t *bytes))                                          \
    F(LockTensorBuffer, (Handle buffer, void **memory, int mode))                                         \
    F(UnlockTensorBuffer, (Handle buffer))                                                                \
    F(RunCompiledModel, (Handle compiled, size_t signature, size_t inputs, Handle *input, size_t outputs, Handle *output))

#define DECLARE(name, arguments) int(*name) arguments;
static struct {
    LITERT_FUNCTIONS(DECLARE)
} litert;

struct times {
    long long *values;
    size_t count, room;
};

struct model {
    const char *output_path;
    Handle compiled;
    Handle input;
    Handle outputs[MOST_OUTPUTS];
    size_t output_count;
};

static void fail(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

/* Call a function of LiteRT and stop when it gives anything but success. */
#define TRY(name, ...)                                             \
    do {                                                           \
        int status_ = litert.name(__VA_ARGS__);                    \
        if (status_) fail("LiteRt" #name " gave status %d", status_); \
    } while (0)

static void *symbol(void *library, const char *name)
{
    void *found = dlsym(library, name);
    if (!found) fail("the library has no function %s", name);
    return found;
}

static void load_library(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) fail("%s", dlerror());
#define LOOK_UP(name, arguments) *(void **)&litert.name = symbol(library, "LiteRt" #name);
    LITERT_FUNCTIONS(LOOK_UP)
}

static void keep(void *text)
{
    (void)text; /* the text of the options lies on the stack of main, which outlives them */
}

/* Options for the CPU accelerator; LiteRT takes them as text in TOML, under the name of the delegate. */
static Handle cpu_options(char *threads_text)
{
    Handle options, xnnpack;
    TRY(CreateOptions, &options);
    TRY(SetOptionsHardwareAccelerators, options, ACCELERATOR_CPU);
    TRY(CreateOpaqueOptions, "xnnpack", threads_text, keep, &xnnpack);
    TRY(AddOpaqueOptions, options, xnnpack);
    return options;
}

static Handle input_buffer(Handle environment, Handle compiled, Handle signature)
{
    _Alignas(16) char type[TENSOR_TYPE_BYTES];
    Handle tensor, needs, buffer;
    TRY(GetSignatureInputTensorByIndex, signature, 0, &tensor);
    TRY(GetRankedTensorType, tensor, type);
    TRY(GetCompiledModelInputBufferRequirements, compiled, 0, 0, &needs);
    TRY(CreateManagedTensorBufferFromRequirements, environment, type, needs, &buffer);
    return buffer;
}

static Handle output_buffer(Handle environment, Handle compiled, Handle signature, size_t index)
{
    _Alignas(16) char type[TENSOR_TYPE_BYTES];
    Handle tensor, needs, buffer;
    TRY(GetSignatureOutputTensorByIndex, signature, index, &tensor);
    TRY(GetRankedTensorType, tensor, type);
    TRY(GetCompiledModelOutputBufferRequirements, compiled, 0, index, &needs);
    TRY(CreateManagedTensorBufferFromRequirements, environment, type, needs, &buffer);
    return buffer;
}

static struct model load_model(const char *path, char *threads_text)
{
    struct model model;
    Handle environment, file, signature;
    size_t inputs;
    TRY(CreateEnvironment, 0, NULL, &environment);
    TRY(CreateModelFromFile, environment, path, &file);
    TRY(CreateCompiledModel, environment, file, cpu_options(threads_text), &model.compiled);
    TRY(GetModelSignature, file, 0, &signature);
    TRY(GetNumSignatureInputs, signature, &inputs);
    TRY(GetNumSignatureOutputs, signature, &model.output_count);
    if (inputs != 1) fail("%s takes %zu inputs, not one", path, inputs);
    if (model.output_count > MOST_OUTPUTS) fail("%s gives more than %d outputs", path, MOST_OUTPUTS);
    model.input = input_buffer(environment, model.compiled, signature);
    for (size_t i = 0; i < model.output_count; i++)
        model.outputs[i] = output_buffer(environment, model.compiled, signature, i);
    return model;
}

static void read_input(Handle buffer, const char *path)
{
    size_t bytes;
    void *memory;
    FILE *file = fopen(path, "rb");
    if (!file) fail("%s cannot be read", path);
    TRY(GetTensorBufferPackedSize, buffer, &bytes);
    TRY(LockTensorBuffer, buffer, &memory, LOCK_WRITE);
    if (fread(memory, 1, bytes, file) != bytes || fgetc(file) != EOF)
        fail("%s has not the %zu bytes that the model takes", path, bytes);
    TRY(UnlockTensorBuffer, buffer);
    fclose(file);
}

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

static void stay_on(const char *cores)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    while (*cores) {
        char *end;
        long core = strtol(cores, &end, 10);
        if (end == cores || core < 0 || core >= CPU_SETSIZE) fail("CORES: all, or numbers such as 4,5");
        CPU_SET(core, &set);
        cores = end + (*end == ',');
    }
    if (sched_setaffinity(0, sizeof set, &set)) fail("the cores that were asked for cannot be used");
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
        models[i] = load_model(names[0], threads_text);
        printf("{\"model\": %zu, \"load\": %lld}\n", i, nanoseconds(CLOCK_MONOTONIC) - start);
        models[i].output_path = names[2];
        read_input(models[i].input, names[1]);
    }
    for (size_t i = 0; i < count; i++)
        printf("{\"model\": %zu, \"stable\": %d}\n", i, warm_up(&models[i], warm_up_time));
    for (int round = 0; round < rounds; round++)
        for (size_t i = 0; i < count; i++) run_round(&models[i], i, runs, round_time);
    for (size_t i = 0; i < count; i++) write_outputs(&models[i], models[i].output_path);
    printf("{\"peak_bytes\": %lld}\n", peak_bytes() - memory);
    return EXIT_SUCCESS;
}
