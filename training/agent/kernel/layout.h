// How weights are laid out for the products: packed from torch's layout, and gradients unpacked.
//
// A block holds 16 units; its 64 gate columns are 16 of each of i, f, g, o. Units beyond the last
// have zero weights.
#pragma once
#include "vector_math.h"

namespace walkfast {

constexpr int64_t up_to(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

struct Shape {
  int64_t n_time, n_rows, n_inputs, n_units;
  int64_t n_blocks() const { return up_to(n_units, 16) / 16; }
  int64_t n_gate_columns() const { return n_blocks() * 64; }
  int64_t n_depth() const { return n_units + n_inputs; }
  int64_t n_transitions() const { return n_time * n_rows; }
};

// Hands out pieces of one piece of memory, each beginning at 64 bytes; sizes add up in `n_bytes`.
class Memory {
 public:
  explicit Memory(void* at) : at_(static_cast<char*>(at)) {}
  template <class Number>
  Number* take(int64_t n) {
    char* found = at_ + n_bytes;
    n_bytes += up_to(n * int64_t(sizeof(Number)), 64);
    return reinterpret_cast<Number*>(found);
  }
  int64_t n_bytes = 0;

 private:
  char* at_;
};

// What torch owns. Weights as in nn.LSTM: (4 n_units, .), gates in the order i, f, g, o. Inputs,
// outputs and their gradients are (n_time, n_rows, .); outputs and their gradients are float32 or
// bfloat16 as the precision says, inputs and theirs as `rounded_inputs` does.
struct Arrays {
  const void* inputs;
  const float *input_weights, *weights, *input_biases, *biases, *hidden, *cell;
  void *outputs, *kept, *scratch;
  const void* d_outputs;
  void* d_inputs;  // null where nobody wants it
  float *d_input_weights, *d_weights, *d_biases;
  int64_t rounded_inputs;
};

// (4 n_units, n_columns) to rows of (64,) at packed[block * stride + column * 64].
static void pack_columns(const float* weights, int64_t n_units, int64_t n_columns, float* packed,
                         int64_t stride) {
  for (int64_t unit = 0; unit < n_units; unit += 16)
    for (int64_t gate = 0; gate < 4; ++gate)
      for (int64_t column = 0; column < n_columns; column += 16) {
        __m512i rows[16];
        const __mmask16 mask = first(n_columns - column);
        for (int64_t i = 0; i < 16; ++i)
          rows[i] = unit + i < n_units
                        ? _mm512_maskz_loadu_epi32(
                              mask, weights + (gate * n_units + unit + i) * n_columns + column)
                        : _mm512_setzero_si512();
        transpose(rows);
        float* to = packed + unit / 16 * stride + column * 64 + gate * 16;
        for (int64_t i = 0; i < 16 && column + i < n_columns; ++i)
          _mm512_store_si512(to + i * 64, rows[i]);
      }
}

// The way back, for gradients.
static void unpack_columns(const float* packed, int64_t stride, int64_t n_units, int64_t n_columns,
                           float* weights) {
  for (int64_t unit = 0; unit < n_units; unit += 16)
    for (int64_t gate = 0; gate < 4; ++gate)
      for (int64_t column = 0; column < n_columns; column += 16) {
        __m512i rows[16];
        const float* from = packed + unit / 16 * stride + column * 64 + gate * 16;
        for (int64_t i = 0; i < 16; ++i)
          rows[i] = column + i < n_columns ? _mm512_load_si512(from + i * 64)
                                           : _mm512_setzero_si512();
        transpose(rows);
        const __mmask16 mask = first(n_columns - column);
        for (int64_t i = 0; i < 16 && unit + i < n_units; ++i)
          _mm512_mask_storeu_epi32(weights + (gate * n_units + unit + i) * n_columns + column, mask,
                                   rows[i]);
      }
}

// Bias of input and of recurrence added, (n_blocks, 64).
static void pack_biases(const float* input, const float* recurrent, int64_t n_units, float* packed) {
  for (int64_t unit = 0; unit < n_units; unit += 16)
    for (int64_t gate = 0; gate < 4; ++gate) {
      const __mmask16 mask = first(n_units - unit);
      const int64_t from = gate * n_units + unit;
      _mm512_store_ps(packed + unit * 4 + gate * 16,
                      _mm512_add_ps(_mm512_maskz_loadu_ps(mask, input + from),
                                    _mm512_maskz_loadu_ps(mask, recurrent + from)));
    }
}

static void unpack_biases(const float* packed, int64_t n_units, float* biases) {
  for (int64_t unit = 0; unit < n_units; unit += 16)
    for (int64_t gate = 0; gate < 4; ++gate)
      _mm512_mask_storeu_ps(biases + gate * n_units + unit, first(n_units - unit),
                            _mm512_load_ps(packed + unit * 4 + gate * 16));
}

}  // namespace walkfast
