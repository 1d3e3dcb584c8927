/* One pass over the labels of an epoch. fallback.py documents both functions. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>
#include <stdint.h>

/* Whether all codes are below `classes`, and `out` has at least `min_length` entries. */
static int codes_fit(const Py_buffer *codes, const Py_buffer *out, Py_ssize_t min_length, int64_t classes)
{
    const int64_t *code = codes->buf;
    if (classes < 1 || classes > codes->len / 8 || out->len < min_length * 8)
        return 0;
    for (Py_ssize_t i = 0; i < codes->len / 8; i++)
        if (code[i] < 0 || code[i] >= classes)
            return 0;
    return 1;
}

static PyObject *free_runs(PyObject *self, PyObject *arguments)
{
    Py_buffer codes, out;
    Py_ssize_t classes;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "y*nw*", &codes, &classes, &out))
        return NULL;
    Py_ssize_t count = codes.len / 8;
    int sound = codes_fit(&codes, &out, count, classes);
    /* A ring of classes, ordered by where each occurs next; the last one precedes entry `classes`. */
    int64_t *memory = sound ? PyMem_Malloc((size_t)(3 * (classes + 1)) * sizeof(int64_t)) : NULL;
    if (memory) {
        int64_t *after = memory, *before = after + classes + 1, *next = before + classes + 1;
        const int64_t *code = codes.buf;
        for (int64_t i = 0; i <= classes; i++) {
            after[i] = i < classes ? i + 1 : 0;
            before[i] = i ? i - 1 : classes;
            next[i] = count;
        }
        for (Py_ssize_t at = count; at-- > 0;) {
            int64_t own = code[at];
            after[before[own]] = after[own];
            before[after[own]] = before[own];
            after[own] = after[classes];
            before[own] = classes;
            before[after[own]] = own;
            after[classes] = own;
            next[own] = at;
            ((int64_t *)out.buf)[at] = next[before[classes]] - at;
        }
        PyMem_Free(memory);
    }
    PyBuffer_Release(&codes);
    PyBuffer_Release(&out);
    if (!sound) {
        PyErr_SetString(PyExc_ValueError, "a code is outside of the classes");
        return NULL;
    }
    if (!memory)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
}

static PyObject *count_batches(PyObject *self, PyObject *arguments)
{
    Py_buffer codes, out;
    Py_ssize_t classes, size;
    (void)self;
    if (!PyArg_ParseTuple(arguments, "y*nnw*", &codes, &classes, &size, &out))
        return NULL;
    Py_ssize_t count = codes.len / 8;
    int sound = size > 0 && codes_fit(&codes, &out, classes, classes);
    int64_t *latest = sound ? PyMem_Malloc((size_t)classes * sizeof(int64_t)) : NULL;
    if (latest) {
        const int64_t *code = codes.buf;
        int64_t *batches = out.buf;
        for (Py_ssize_t i = 0; i < classes; i++) {
            latest[i] = -1;
            batches[i] = 0;
        }
        for (Py_ssize_t batch = 0; batch < count / size; batch++)
            for (Py_ssize_t at = batch * size; at < (batch + 1) * size; at++) {
                batches[code[at]] += latest[code[at]] != batch;
                latest[code[at]] = batch;
            }
        PyMem_Free(latest);
    }
    PyBuffer_Release(&codes);
    PyBuffer_Release(&out);
    if (!sound) {
        PyErr_SetString(PyExc_ValueError, "a code is outside of the classes");
        return NULL;
    }
    if (!latest)
        return PyErr_NoMemory();
    Py_RETURN_NONE;
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
