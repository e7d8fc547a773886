/* A plugin for qemu-aarch64 that counts the instructions between pairs of marks.
 *
 * usage: qemu-aarch64 -plugin libinsn_count.so,out=FILE PROGRAM ...
 *
 * A mark is the system call lseek(MARKER, ...), which runner.c makes before and after each inference. FILE
 * receives a JSON list with one object for each pair, class of instruction to count. Classes overlap: `all`
 * has every instruction, a vector load is counted as load_store only.
 *
 * The counters are exact for one thread: an instruction is counted when its block begins, and blocks end at
 * system calls, so that a mark never falls into one.
 *
 * Written for version 1 of QEMU's plugin interface (QEMU 7 and 8). Its functions are declared here, because
 * Debian's qemu-user brings no header. The classes follow the top-level encoding table and the vector
 * instructions of the Arm Architecture Reference Manual (DDI 0487), section C4.1.
 */

#define _POSIX_C_SOURCE 200809L

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info; /* not read */

enum { QEMU_PLUGIN_INLINE_ADD_U64 = 0 };

typedef void (*translation_callback)(qemu_plugin_id_t, struct qemu_plugin_tb *);
typedef void (*exit_callback)(qemu_plugin_id_t, void *);
typedef void (*syscall_callback)(qemu_plugin_id_t, unsigned vcpu, int64_t number, uint64_t a1, uint64_t a2,
                                 uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8);

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, translation_callback);
void qemu_plugin_register_vcpu_syscall_cb(qemu_plugin_id_t, syscall_callback);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, exit_callback, void *);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, int operation, void *counter,
                                              uint64_t amount);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);

EXPORT int qemu_plugin_version = 1;

enum {
    MARKER = -4242,     /* the same in runner.c */
    SYSCALL_LSEEK = 62, /* of aarch64 Linux */
    MOST_MARKS = 4096,
};

/* An instruction belongs to a class when its bits under `mask` are `bits`, in one of up to two encodings:
 * three vectors, or two vectors and one element of a third. */
static const struct {
    const char *name;
    struct {
        uint32_t mask, bits;
    } encodings[2];
} classes[] = {
    {"all", {{0, 0}}},
    {"load_store", {{0x0A000000, 0x08000000}}},
    {"vector", {{0x0E000000, 0x0E000000}}},
    {"sdot", {{0xBFE0FC00, 0x0E809400}, {0xBFC0F400, 0x0F80E000}}},
    {"smlal", {{0xBF20FC00, 0x0E208000}, {0xBF00F400, 0x0F002000}}},
    {"fmla_f32", {{0xBFE0FC00, 0x0E20CC00}, {0xBFC0F400, 0x0F801000}}},
    {"fmla_f16", {{0xBFE0FC00, 0x0E400C00}, {0xBFC0F400, 0x0F001000}}},
};

enum { CLASSES = sizeof classes / sizeof *classes };

static uint64_t counters[CLASSES];
static uint64_t at_mark[MOST_MARKS][CLASSES];
static size_t marks;
static const char *out_path;

static bool belongs(uint32_t instruction, size_t class)
{
    for (size_t i = 0; i < 2; i++) {
        uint32_t mask = classes[class].encodings[i].mask, bits = classes[class].encodings[i].bits;
        bool unused = i > 0 && mask == 0;
        if (!unused && (instruction & mask) == bits) return true;
    }
    return false;
}

static void count_block(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    uint64_t found[CLASSES] = {0};
    size_t length = qemu_plugin_tb_n_insns(block);
    for (size_t i = 0; i < length; i++) {
        uint32_t instruction;
        memcpy(&instruction, qemu_plugin_insn_data(qemu_plugin_tb_get_insn(block, i)), sizeof instruction);
        for (size_t class = 0; class < CLASSES; class++) found[class] += belongs(instruction, class);
    }
    for (size_t class = 0; class < CLASSES; class++)
        if (found[class])
            qemu_plugin_register_vcpu_tb_exec_inline(block, QEMU_PLUGIN_INLINE_ADD_U64, &counters[class],
                                                     found[class]);
}

static void watch_syscall(qemu_plugin_id_t id, unsigned vcpu, int64_t number, uint64_t a1, uint64_t a2,
                          uint64_t a3, uint64_t a4, uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8)
{
    (void)id, (void)vcpu, (void)a2, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
    if (number == SYSCALL_LSEEK && (int32_t)a1 == MARKER && marks < MOST_MARKS)
        memcpy(at_mark[marks++], counters, sizeof counters);
}

static void write_counts(qemu_plugin_id_t id, void *nothing)
{
    (void)id, (void)nothing;
    FILE *file = fopen(out_path, "w");
    if (!file) {
        fprintf(stderr, "insn_count: %s cannot be written\n", out_path);
        exit(EXIT_FAILURE);
    }
    fputc('[', file);
    for (size_t mark = 0; mark + 1 < marks; mark += 2) {
        fputs(mark ? ", {" : "{", file);
        for (size_t class = 0; class < CLASSES; class++) {
            uint64_t count = at_mark[mark + 1][class] - at_mark[mark][class];
            fprintf(file, "%s\"%s\": %llu", class ? ", " : "", classes[class].name, (unsigned long long)count);
        }
        fputc('}', file);
    }
    fputs("]\n", file);
    fclose(file);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc, char **argv)
{
    (void)info;
    if (argc != 1 || strncmp(argv[0], "out=", 4)) {
        fprintf(stderr, "insn_count: usage: -plugin libinsn_count.so,out=FILE\n");
        return -1;
    }
    out_path = strdup(argv[0] + 4);
    qemu_plugin_register_vcpu_tb_trans_cb(id, count_block);
    qemu_plugin_register_vcpu_syscall_cb(id, watch_syscall);
    qemu_plugin_register_atexit_cb(id, write_counts, NULL);
    return 0;
}
