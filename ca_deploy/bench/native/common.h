/* What runner.c and profiler.c share: LiteRT's C interface, a model that is ready to run, and the cores to run on.
 *
 * LiteRT's C functions are declared here, as far as they are called, and looked up at run time, so that the
 * programs build with a C compiler and nothing else. A program that calls more of them lists those in
 * MORE_LITERT_FUNCTIONS before it includes this.
 */

#define _GNU_SOURCE /* sched_setaffinity */

#include <dlfcn.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ACCELERATOR_CPU = 1,     /* kLiteRtHwAcceleratorCpu */
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

#ifndef MORE_LITERT_FUNCTIONS
#define MORE_LITERT_FUNCTIONS(F)
#endif

#define DECLARE(name, arguments) int(*name) arguments;
static struct {
    LITERT_FUNCTIONS(DECLARE)
    MORE_LITERT_FUNCTIONS(DECLARE)
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
    MORE_LITERT_FUNCTIONS(LOOK_UP)
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

static struct model load_model(const char *path, Handle options)
{
    struct model model;
    Handle environment, file, signature;
    size_t inputs;
    TRY(CreateEnvironment, 0, NULL, &environment);
    TRY(CreateModelFromFile, environment, path, &file);
    TRY(CreateCompiledModel, environment, file, options, &model.compiled);
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
