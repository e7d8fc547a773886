/* Runs a .tflite file on LiteRT's CPU accelerator (XNNPACK) and says how long each of its operators took.
 *
 * usage: profiler LIBRARY THREADS WARM_UP_RUNS RUNS CORES MODEL INPUT
 *
 * The arguments are those of runner.c. Standard output gets JSON, one object a line, times in microseconds as
 * LiteRT's profiler tells them:
 *
 *   {"whole": 1, "operators": [["name", -1, 1], ...]}    after each run
 *
 * Each operator has its name, its number in the file where TFLite's own kernel ran it (-1 where XNNPACK did),
 * and its time; all in the order in which they ran.
 */

#define MORE_LITERT_FUNCTIONS(F)                                              \
    F(CompiledModelGetProfiler, (Handle compiled, Handle *profiler))          \
    F(ResetProfiler, (Handle profiler))                                       \
    F(StartProfiler, (Handle profiler))                                       \
    F(StopProfiler, (Handle profiler))                                        \
    F(GetNumProfilerEvents, (Handle profiler, int *count))                    \
    F(GetProfilerEvents, (Handle profiler, int count, struct event *events))

struct event; /* ProfiledEventData of LiteRT's litert_profiler_event.h */

#include "common.h"

#include <stdint.h>

enum { /* tflite::Profiler::EventType */
    DEFAULT_EVENT = 1,
    OPERATOR = 1 << 1,
    DELEGATED_OPERATOR = 1 << 3,
};

struct event {
    const char *tag;
    int type;
    uint64_t start_us, elapsed_us;
    size_t memory[6];
    uint64_t metadata[2];
    int source;
};

static void run_once(struct model *model)
{
    TRY(RunCompiledModel, model->compiled, 0, 1, &model->input, model->output_count, model->outputs);
}

static void print_operators(const struct event *events, int count)
{
    const char *separator = "";
    printf("\"operators\": [");
    for (int i = 0; i < count; i++) {
        if (events[i].type != OPERATOR && events[i].type != DELEGATED_OPERATOR) continue;
        long long node = events[i].type == OPERATOR ? (long long)events[i].metadata[0] : -1;
        unsigned long long elapsed = events[i].elapsed_us;
        printf("%s[\"%s\", %lld, %llu]", separator, events[i].tag, node, elapsed);
        separator = ", ";
    }
    printf("]");
}

static uint64_t whole_run(const struct event *events, int count)
{
    for (int i = 0; i < count; i++)
        if (events[i].type == DEFAULT_EVENT && !strcmp(events[i].tag, "Invoke")) return events[i].elapsed_us;
    fail("the profiler does not tell how long the whole run took");
    return 0;
}

static void profile_once(struct model *model, Handle profiler)
{
    int count;
    TRY(ResetProfiler, profiler);
    TRY(StartProfiler, profiler);
    run_once(model);
    TRY(StopProfiler, profiler);
    TRY(GetNumProfilerEvents, profiler, &count);
    struct event *events = calloc(count, sizeof *events);
    if (!events) fail("no memory for %d events", count);
    TRY(GetProfilerEvents, profiler, count, events);
    printf("{\"whole\": %llu, ", (unsigned long long)whole_run(events, count));
    print_operators(events, count);
    printf("}\n");
    fflush(stdout);
    free(events);
}

/* Options for the CPU accelerator, with the profiler. */
static Handle profiling_options(char *threads_text, char *profiling_text)
{
    Handle options = cpu_options(threads_text), runtime;
    TRY(CreateOpaqueOptions, "runtime_options_string", profiling_text, keep, &runtime);
    TRY(AddOpaqueOptions, options, runtime);
    return options;
}

int main(int argc, char **argv)
{
    if (argc != 8) fail("usage: profiler LIBRARY THREADS WARM_UP_RUNS RUNS CORES MODEL INPUT");
    int threads = atoi(argv[2]), warm_up_runs = atoi(argv[3]), runs = atoi(argv[4]);
    char threads_text[32], profiling_text[] = "enable_profiling = true\n";
    snprintf(threads_text, sizeof threads_text, "num_threads = %d\n", threads);
    if (strcmp(argv[5], "all")) stay_on(argv[5]);

    load_library(argv[1]);
    struct model model = load_model(argv[6], profiling_options(threads_text, profiling_text));
    Handle profiler;
    TRY(CompiledModelGetProfiler, model.compiled, &profiler);
    read_input(model.input, argv[7]);
    for (int i = 0; i < warm_up_runs; i++) run_once(&model);
    for (int i = 0; i < runs; i++) profile_once(&model, profiler);
    return EXIT_SUCCESS;
}
