// The layer in float32: microkernels that hold up to 6 rows x 64 columns of sums in registers.
#pragma once
#include <cstring>
#include <type_traits>

#include "cell.h"
#include "layout.h"

namespace walkfast::fp32 {

constexpr int kRows = 6;             // 24 sums, 4 columns and 1 number: 29 of 32 registers
constexpr int64_t kGroupRows = 128;  // transitions whose weight gradients are summed in one go

// sums[r][w] += sum over k of left[r * row_step + k * depth_step] * right[k * 16 W + 16 w ...].
template <int R, int W>
INLINE void multiply(Floats (&sums)[R][W], const float* left, int64_t row_step, int64_t depth_step,
                     const float* right, int64_t depth) {
  for (int64_t k = 0; k < depth; ++k, left += depth_step, right += 16 * W) {
    Floats column[W];
#pragma GCC unroll 8
    for (int w = 0; w < W; ++w) column[w] = _mm512_load_ps(right + 16 * w);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const Floats number = _mm512_set1_ps(left[r * row_step]);
#pragma GCC unroll 8
      for (int w = 0; w < W; ++w) sums[r][w] = _mm512_fmadd_ps(number, column[w], sums[r][w]);
    }
  }
}

template <int R, int W>
INLINE void load(Floats (&sums)[R][W], const float* from, int64_t row_step) {
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int w = 0; w < W; ++w) sums[r][w] = _mm512_load_ps(from + r * row_step + 16 * w);
}

template <int R, int W>
INLINE void clear(Floats (&sums)[R][W]) {
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int w = 0; w < W; ++w) sums[r][w] = _mm512_setzero_ps();
}

template <int R, int W>
INLINE void store(const Floats (&sums)[R][W], float* to) {
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
    for (int w = 0; w < W; ++w) _mm512_store_ps(to + (r * W + w) * 16, sums[r][w]);
}

template <int N>
using Constant = std::integral_constant<int, N>;

// Calls work(R, first row) for even pieces of at most kRows rows.
template <class Work>
INLINE void by_rows(int64_t n_rows, Work work) {
  const int64_t n_pieces = (n_rows + kRows - 1) / kRows;
  for (int64_t piece = 0, row = 0; piece < n_pieces; ++piece) {
    const int64_t size = n_rows / n_pieces + (piece < n_rows % n_pieces);
    switch (size) {
      case 6: work(Constant<6>{}, row); break;
      case 5: work(Constant<5>{}, row); break;
      case 4: work(Constant<4>{}, row); break;
      case 3: work(Constant<3>{}, row); break;
      case 2: work(Constant<2>{}, row); break;
      default: work(Constant<1>{}, row);
    }
    row += size;
  }
}

// Calls work(W, first block) for even panels of at most 4 blocks of 16 columns.
template <class Work>
INLINE void by_panels(int64_t n_columns, Work work) {
  const int64_t n_blocks = up_to(n_columns, 16) / 16, n_panels = (n_blocks + 3) / 4;
  for (int64_t panel = 0, block = 0; panel < n_panels; ++panel) {
    const int64_t size = n_blocks / n_panels + (panel < n_blocks % n_panels);
    switch (size) {
      case 4: work(Constant<4>{}, block); break;
      case 3: work(Constant<3>{}, block); break;
      case 2: work(Constant<2>{}, block); break;
      default: work(Constant<1>{}, block);
    }
    block += size;
  }
}

// What the backward pass needs of the forward pass. It turns the gates into their gradients.
struct Kept {
  float *gates, *cells;  // (n_blocks, n_time * n_rows, 64), (n_blocks, n_time * n_rows, 16)
  int64_t n_bytes;
  Kept(const Shape& shape, void* at) {
    Memory memory(at);
    gates = memory.take<float>(shape.n_gate_columns() * shape.n_transitions());
    cells = memory.take<float>(shape.n_blocks() * 16 * shape.n_transitions());
    n_bytes = memory.n_bytes;
  }
};

struct ForwardScratch {
  float *weights, *biases;  // (n_blocks, n_depth, 64), (n_blocks, 64)
  int64_t n_bytes;
  ForwardScratch(const Shape& shape, void* at) {
    Memory memory(at);
    weights = memory.take<float>(shape.n_gate_columns() * shape.n_depth());
    biases = memory.take<float>(shape.n_gate_columns());
    n_bytes = memory.n_bytes;
  }
};

static void forward(const Shape& shape, const Arrays& at) {
  const int64_t H = shape.n_units, I = shape.n_inputs, N = shape.n_rows, K = shape.n_depth();
  const Kept kept(shape, at.kept);
  const ForwardScratch scratch(shape, at.scratch);
  const float* inputs = static_cast<const float*>(at.inputs);
  float* outputs = static_cast<float*>(at.outputs);
  pack_columns(at.weights, H, H, scratch.weights, K * 64);
  pack_columns(at.input_weights, H, I, scratch.weights + H * 64, K * 64);
  pack_biases(at.input_biases, at.biases, H, scratch.biases);
  for (int64_t time = 0; time < shape.n_time; ++time) {
    const float* hidden = time ? outputs + (time - 1) * N * H : at.hidden;
    for (int64_t block = 0; block < shape.n_blocks(); ++block) {
      const float* panel = scratch.weights + block * K * 64;
      const __mmask16 mask = first(H - block * 16);
      by_rows(N, [&](auto n_rows, int64_t row) {
        constexpr int R = n_rows;
        alignas(64) float sums_at[R][64];
        Floats sums[R][4];
        load(sums, scratch.biases + block * 64, 0);
        multiply(sums, inputs + (time * N + row) * I, I, 1, panel + H * 64, I);
        multiply(sums, hidden + row * H, H, 1, panel, H);
        store(sums, sums_at[0]);
        for (int r = 0; r < R; ++r) {
          const int64_t place = block * shape.n_transitions() + time * N + row + r;
          const int64_t unit = (row + r) * H + block * 16;
          float* cell_at = kept.cells + place * 16;
          const Floats before = time ? _mm512_load_ps(cell_at - N * 16)
                                     : _mm512_maskz_loadu_ps(mask, at.cell + unit);
          const Gates gates = activated(sums_at[r]);
          const Floats cell = next_cell(gates, before);
          _mm512_store_ps(cell_at, cell);
          float* gates_at = kept.gates + place * 64;
          _mm512_store_ps(gates_at, gates.in);
          _mm512_store_ps(gates_at + 16, gates.forget);
          _mm512_store_ps(gates_at + 32, gates.candidate);
          _mm512_store_ps(gates_at + 48, gates.out);
          _mm512_mask_storeu_ps(outputs + time * N * H + unit, mask,
                                _mm512_mul_ps(gates.out, hyperbolic_tangent(cell)));
        }
      });
    }
  }
}

struct BackwardScratch {
  float *weights, *input_weights;         // panels of (n_gate_columns, 16 W)
  float *d_weights, *d_biases, *d_cells;  // (n_blocks, n_depth, 64), (n_blocks, 64), (n_blocks, n_rows, 16)
  int64_t n_bytes;
  BackwardScratch(const Shape& shape, void* at) {
    Memory memory(at);
    weights = memory.take<float>(shape.n_gate_columns() * up_to(shape.n_units, 16));
    input_weights = memory.take<float>(shape.n_gate_columns() * up_to(shape.n_inputs, 16));
    d_weights = memory.take<float>(shape.n_gate_columns() * shape.n_depth());
    d_biases = memory.take<float>(shape.n_gate_columns());
    d_cells = memory.take<float>(shape.n_blocks() * 16 * shape.n_rows);
    n_bytes = memory.n_bytes;
  }
  void clear(const Shape& shape) {
    memset(d_weights, 0, sizeof(float) * shape.n_gate_columns() * shape.n_depth());
    memset(d_biases, 0, sizeof(float) * shape.n_gate_columns());
    memset(d_cells, 0, sizeof(float) * shape.n_blocks() * 16 * shape.n_rows);
  }
};

// (4 n_units, n_columns) into panels of up to 64 columns; rows in the order of gate columns.
static void pack_rows(const float* weights, int64_t n_units, int64_t n_columns, float* packed) {
  const int64_t n_gate_columns = up_to(n_units, 16) * 4;
  by_panels(n_columns, [&](auto width, int64_t wide) {
    constexpr int W = width;
    float* to = packed + wide * 16 * n_gate_columns;
    for (int64_t k = 0; k < n_gate_columns; ++k)
      for (int w = 0; w < W; ++w, to += 16) {
        const int64_t unit = k / 64 * 16 + k % 16, gate = k / 16 % 4, column = (wide + w) * 16;
        const __mmask16 mask = unit < n_units ? first(n_columns - column) : 0;
        const float* from = weights + (gate * n_units + unit) * n_columns + column;
        _mm512_store_ps(to, _mm512_maskz_loadu_ps(mask, from));
      }
  });
}

class BackwardPass {
 public:
  BackwardPass(const Shape& shape, const Arrays& at)
      : shape_(shape), at_(at), kept_(shape, at.kept), scratch_(shape, at.scratch) {
    pack_rows(at.weights, H, H, scratch_.weights);
    if (at.d_inputs) pack_rows(at.input_weights, H, I, scratch_.input_weights);
    scratch_.clear(shape);
  }

  void run() {
    const int64_t n_together = (kGroupRows + N - 1) / N;
    for (int64_t time = shape_.n_time - 1, stop = shape_.n_time; time >= 0; --time) {
      by_panels(H, [&](auto width, int64_t wide) {
        by_rows(N, [&](auto n_rows, int64_t row) { step_back(width, n_rows, time, wide, row); });
      });
      if (time && stop - time < n_together) continue;
      add_weights(time, stop);
      if (at_.d_inputs) find_inputs(time * N, (stop - time) * N);
      stop = time;
    }
    unpack_columns(scratch_.d_weights, K * 64, H, H, at_.d_weights);
    unpack_columns(scratch_.d_weights + H * 64, K * 64, H, I, at_.d_input_weights);
    unpack_biases(scratch_.d_biases, H, at_.d_biases);
  }

 private:
  // Gradients of the gates of R rows x 16 W units at one time, in place of the gates.
  template <class Width, class Rows>
  INLINE_MEMBER void step_back(Width, Rows, int64_t time, int64_t wide, int64_t row) {
    constexpr int W = Width::value, R = Rows::value;
    alignas(64) float d_hidden[R][W * 16];
    Floats sums[R][W];
    clear(sums);
    if (time + 1 < shape_.n_time)
      multiply_back(sums, (time + 1) * N + row, scratch_.weights + wide * 16 * shape_.n_gate_columns());
    store(sums, d_hidden[0]);
    for (int w = 0; w < W; ++w) {
      const int64_t block = wide + w;
      const __mmask16 mask = first(H - block * 16);
      Floats bias[4];
      for (int gate = 0; gate < 4; ++gate)
        bias[gate] = _mm512_load_ps(scratch_.d_biases + block * 64 + gate * 16);
      for (int r = 0; r < R; ++r) {
        const int64_t place = block * n_all_ + time * N + row + r;
        const int64_t unit = (row + r) * H + block * 16;
        float* gates_at = kept_.gates + place * 64;
        const float* cell_at = kept_.cells + place * 16;
        float* d_cell = scratch_.d_cells + (block * N + row + r) * 16;
        const Gates gates = {_mm512_load_ps(gates_at), _mm512_load_ps(gates_at + 16),
                             _mm512_load_ps(gates_at + 32), _mm512_load_ps(gates_at + 48)};
        const Floats before = time ? _mm512_load_ps(cell_at - N * 16)
                                   : _mm512_maskz_loadu_ps(mask, at_.cell + unit);
        const Floats d_output =
            _mm512_add_ps(_mm512_load_ps(d_hidden[r] + 16 * w),
                          _mm512_maskz_loadu_ps(mask, d_outputs_ + time * N * H + unit));
        const Gradients found = through_cell(gates, before, _mm512_load_ps(cell_at), d_output,
                                             _mm512_load_ps(d_cell));
        _mm512_store_ps(d_cell, found.cell_before);
        const Floats d_sums[4] = {found.in, found.forget, found.candidate, found.out};
        for (int gate = 0; gate < 4; ++gate) {
          const Floats real = _mm512_maskz_mov_ps(mask, d_sums[gate]);
          _mm512_store_ps(gates_at + gate * 16, real);
          bias[gate] = _mm512_add_ps(bias[gate], real);
        }
      }
      for (int gate = 0; gate < 4; ++gate)
        _mm512_store_ps(scratch_.d_biases + block * 64 + gate * 16, bias[gate]);
    }
  }

  // sums += gradients of the gates of R transitions times a panel of packed weights.
  template <int R, int W>
  INLINE_MEMBER void multiply_back(Floats (&sums)[R][W], int64_t transition, const float* panel) {
    for (int64_t block = 0; block < shape_.n_blocks(); ++block)
      multiply(sums, kept_.gates + (block * n_all_ + transition) * 64, 64, 1,
               panel + block * 64 * 16 * W, 64);
  }

  // Sums the weights' gradients over the times [start, stop).
  void add_weights(int64_t start, int64_t stop) {
    const float* outputs = static_cast<const float*>(at_.outputs);
    const int64_t n = (stop - start) * N;
    add_products(inputs_ + start * N * I, I, start * N, n, scratch_.d_weights + H * 64);
    if (start) {
      add_products(outputs + (start - 1) * N * H, H, start * N, n, scratch_.d_weights);
    } else {
      add_products(at_.hidden, H, 0, N, scratch_.d_weights);
      add_products(outputs, H, N, n - N, scratch_.d_weights);
    }
  }

  void add_products(const float* left, int64_t n_columns, int64_t transition, int64_t n, float* to) {
    for (int64_t block = 0; block < shape_.n_blocks(); ++block)
      by_rows(n_columns, [&](auto n_rows, int64_t row) {
        constexpr int R = n_rows;
        Floats sums[R][4];
        float* sums_at = to + (block * K + row) * 64;
        load(sums, sums_at, 64);
        multiply(sums, left + row, 1, n_columns, kept_.gates + (block * n_all_ + transition) * 64, n);
        store(sums, sums_at);
      });
  }

  void find_inputs(int64_t transition, int64_t n) {
    float* d_inputs = static_cast<float*>(at_.d_inputs) + transition * I;
    by_panels(I, [&](auto width, int64_t wide) {
      constexpr int W = width;
      by_rows(n, [&](auto n_rows, int64_t row) {
        constexpr int R = n_rows;
        Floats sums[R][W];
        clear(sums);
        multiply_back(sums, transition + row,
                      scratch_.input_weights + wide * 16 * shape_.n_gate_columns());
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
          for (int w = 0; w < W; ++w)
            _mm512_mask_storeu_ps(d_inputs + (row + r) * I + (wide + w) * 16,
                                  first(I - (wide + w) * 16), sums[r][w]);
      });
    });
  }

  const Shape shape_;
  const Arrays at_;
  const Kept kept_;
  BackwardScratch scratch_;
  const int64_t H = shape_.n_units, I = shape_.n_inputs, N = shape_.n_rows, K = shape_.n_depth();
  const int64_t n_all_ = shape_.n_transitions();
  const float* inputs_ = static_cast<const float*>(at_.inputs);
  const float* d_outputs_ = static_cast<const float*>(at_.d_outputs);
};

}  // namespace walkfast::fp32
