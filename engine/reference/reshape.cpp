#include "ops/reshape.h"

#include "reference/args.h"

namespace nibble::reference {

template <class T>
Status evaluate(const Reshape&, Args<T>& args) {
  if (args[0].elements() != args.out.elements()) {
    return Error{Code::invalid_argument, "shape: not the number of elements of x"};
  }
  args.out.real = args[0].real;
  args.out.stored = args[0].stored;
  return {};
}

template Status evaluate(const Reshape&, Args<double>&);
template Status evaluate(const Reshape&, Args<float>&);

}  // namespace nibble::reference
