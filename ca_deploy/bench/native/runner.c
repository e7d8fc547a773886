/* Runs a .tflite file on LiteRT's CPU accelerator (XNNPACK) and says how long each inference took.
 *
 * usage: runner LIBRARY THREADS RUNS MODEL INPUT OUTPUT
 *
 * LIBRARY is libLiteRt.so of the machine that this runs on. INPUT holds the bytes of the model's one input as
 * the file stores it; OUTPUT receives those of its outputs, one after the other, in the order of its
 * signature. Standard output gets one JSON object, times in nanoseconds:
 *
 *   {"load": 1, "wall": [1, ...], "cpu": [1, ...]}
 *
 * Each inference lies between two calls of lseek(MARKER, 0, SEEK_SET), which fail and change nothing: an
 * emulator that watches system calls (insn_count.c) learns from them where an inference begins and ends.
 *
 * LiteRT's C functions are declared here, as far as they are called, and looked up at run time, so that this
 * builds with a C compiler and nothing else.
 */

#define _POSIX_C_SOURCE 200809L

#include <dlfcn.h>
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

struct model {
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

static void run_once(struct model *model, long long *wall, long long *cpu)
{
    long long wall_start = nanoseconds(CLOCK_MONOTONIC);
    long long cpu_start = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
    mark();
    TRY(RunCompiledModel, model->compiled, 0, 1, &model->input, model->output_count, model->outputs);
    mark();
    *cpu = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_start;
    *wall = nanoseconds(CLOCK_MONOTONIC) - wall_start;
}

static void print_list(const char *name, const long long *values, int count)
{
    printf("\"%s\": [", name);
    for (int i = 0; i < count; i++) printf("%s%lld", i ? ", " : "", values[i]);
    printf("]");
}

int main(int argc, char **argv)
{
    if (argc != 7) fail("usage: runner LIBRARY THREADS RUNS MODEL INPUT OUTPUT");
    int threads = atoi(argv[2]), runs = atoi(argv[3]);
    if (threads < 1 || runs < 1) fail("THREADS and RUNS must be at least 1");
    long long *wall = calloc(runs, sizeof *wall), *cpu = calloc(runs, sizeof *cpu);
    if (!wall || !cpu) fail("no memory for %d runs", runs);
    char threads_text[32];
    snprintf(threads_text, sizeof threads_text, "num_threads = %d\n", threads);

    load_library(argv[1]);
    long long load = nanoseconds(CLOCK_MONOTONIC);
    struct model model = load_model(argv[4], threads_text);
    load = nanoseconds(CLOCK_MONOTONIC) - load;
    read_input(model.input, argv[5]);
    for (int i = 0; i < runs; i++) run_once(&model, &wall[i], &cpu[i]);
    write_outputs(&model, argv[6]);

    printf("{\"load\": %lld, ", load);
    print_list("wall", wall, runs);
    printf(", ");
    print_list("cpu", cpu, runs);
    printf("}\n");
    return EXIT_SUCCESS;
}
