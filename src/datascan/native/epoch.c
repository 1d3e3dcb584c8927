/* One pass over the labels of an epoch. fallback.py documents both functions. */

#include "arguments.h"

CONVERTER(take_codes, CODES_OR_INTS, 1, 0)
CONVERTER(take_runs_out, RUNS, 1, WRITABLE)
CONVERTER(take_counts_out, INTS, 1, WRITABLE)

enum { CODES, OUT, BUFFERS };

/* A code of 2, 4 or 8 bytes. */
static inline int64_t load_code(const void *codes, Py_ssize_t i, Py_ssize_t bytes)
{
    if (bytes == 8)
        return load_int(codes, i);
    int32_t wide;
    int16_t narrow;
    if (bytes == 4) {
        memcpy(&wide, (const char *)codes + 4 * i, 4);
        return wide;
    }
    memcpy(&narrow, (const char *)codes + 2 * i, 2);
    return narrow;
}

/* Stores the length of a run, which fits, in 4 or 8 bytes. */
static inline void store_run(void *runs, Py_ssize_t i, Py_ssize_t bytes, int64_t length)
{
    if (bytes == 8) {
        store_int(runs, i, length);
        return;
    }
    int32_t narrow = (int32_t)length;
    memcpy((char *)runs + 4 * i, &narrow, 4);
}

static inline Py_ssize_t count_items(const Py_buffer *view)
{
    return view->len / view->itemsize;
}

/* Whether there are at least as many codes as classes, and 'out' has 'length' items. */
static int fit(const Py_buffer *b, Py_ssize_t classes, Py_ssize_t length)
{
    if (classes < 1 || classes > count_items(b + CODES)) {
        PyErr_SetString(PyExc_ValueError, "a code is outside of the classes");
        return 0;
    }
    if (count_items(b + OUT) != length) {
        PyErr_SetString(PyExc_ValueError, "the output has the wrong length");
        return 0;
    }
    return outputs_are_apart(b, BUFFERS, OUT);
}

/* None, or the error of a code that is not a class. */
static PyObject *finish(Py_buffer *b, int64_t *memory, int sound)
{
    PyMem_Free(memory);
    release(b, BUFFERS);
    if (sound)
        Py_RETURN_NONE;
    PyErr_SetString(PyExc_ValueError, "a code is outside of the classes");
    return NULL;
}

static PyObject *fail(Py_buffer *b)
{
    release(b, BUFFERS);
    return PyErr_Occurred() ? NULL : PyErr_NoMemory();
}

static PyObject *free_runs(PyObject *self, PyObject *arguments)
{
    Py_buffer b[BUFFERS];
    Py_ssize_t classes;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "O&O&O&", take_codes, b + CODES, take_count, &classes,
                          take_runs_out, b + OUT))
        return NULL;
    Py_ssize_t count = count_items(b + CODES), bytes = b[CODES].itemsize;
    int64_t *memory = NULL;
    if (b[OUT].itemsize == 4 && count > INT32_MAX)
        PyErr_SetString(PyExc_ValueError, "the runs are too long for the output");
    else if (fit(b, classes, count))
        memory = PyMem_Malloc((size_t)(3 * (classes + 1)) * sizeof(int64_t));
    if (!memory)
        return fail(b);
    /* A ring of classes, ordered by where each occurs next; the last one precedes entry `classes`. */
    int64_t *after = memory, *before = after + classes + 1, *next = before + classes + 1;
    for (int64_t i = 0; i <= classes; i++) {
        after[i] = i < classes ? i + 1 : 0;
        before[i] = i ? i - 1 : classes;
        next[i] = count;
    }
    Py_ssize_t at = count;
    while (at > 0) {
        int64_t own = load_code(b[CODES].buf, at - 1, bytes);
        if (own < 0 || own >= classes)
            break;
        at--;
        after[before[own]] = after[own];
        before[after[own]] = before[own];
        after[own] = after[classes];
        before[own] = classes;
        before[after[own]] = own;
        after[classes] = own;
        next[own] = at;
        store_run(b[OUT].buf, at, b[OUT].itemsize, next[before[classes]] - at);
    }
    return finish(b, memory, at == 0);
}

static PyObject *count_batches(PyObject *self, PyObject *arguments)
{
    Py_buffer b[BUFFERS];
    Py_ssize_t classes, size;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "O&O&O&O&", take_codes, b + CODES, take_count, &classes,
                          take_count, &size, take_counts_out, b + OUT))
        return NULL;
    Py_ssize_t count = count_items(b + CODES), bytes = b[CODES].itemsize;
    int64_t *latest = NULL;
    if (size < 1)
        PyErr_SetString(PyExc_ValueError, "a batch has at least one record");
    else if (fit(b, classes, classes))
        latest = PyMem_Malloc((size_t)(2 * classes) * sizeof(int64_t));
    if (!latest)
        return fail(b);
    int64_t *batches = latest + classes;
    for (Py_ssize_t i = 0; i < classes; i++) {
        latest[i] = -1;
        batches[i] = 0;
    }
    Py_ssize_t at = 0, used = count / size * size;
    for (Py_ssize_t batch = 0, end; at < used; batch++) {
        for (end = at + size; at < end; at++) {
            int64_t own = load_code(b[CODES].buf, at, bytes);
            if (own < 0 || own >= classes)
                return finish(b, latest, 0);
            batches[own] += latest[own] != batch;
            latest[own] = batch;
        }
    }
    for (; at < count; at++) { /* not in a full batch, but codes all the same */
        int64_t own = load_code(b[CODES].buf, at, bytes);
        if (own < 0 || own >= classes)
            return finish(b, latest, 0);
    }
    memcpy(b[OUT].buf, batches, (size_t)classes * sizeof(int64_t));
    return finish(b, latest, 1);
}

static PyMethodDef methods[] = {
    {"free_runs", free_runs, METH_VARARGS, NULL},
    {"count_batches", count_batches, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "epoch", NULL, 0, methods,
                                        NULL,                  NULL,    NULL, NULL};

PyMODINIT_FUNC PyInit_epoch(void)
{
    return PyModuleDef_Init(&definition);
}
