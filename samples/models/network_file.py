"""What both training scripts share: writing an ONNX file node by node, evaluating such a file, rounding its weights.

`Network` collects nodes and weights and writes opset 13. `evaluate` is a second, independent reading of the written
file: it walks the nodes of the file itself, so a mistake in the export shows as a difference from the trained module.
`with_rounded_weights` gives the same file with its weights rounded to few bits, to see what quantization costs.
"""

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, checker, helper, numpy_helper, shape_inference

OPSET = 13
IR_VERSION = 7


class Network:
    """An ONNX graph under construction: one float input, one float output, named dimensions as strings."""

    def __init__(self, name, input_name, input_shape):
        self.name = name
        self.inputs = [helper.make_tensor_value_info(input_name, TensorProto.FLOAT, input_shape)]
        self.nodes = []
        self.weights = []

    def weight(self, name, value):
        """Stores a weight (a torch tensor or an array) under `name` and returns the name."""
        array = value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, operator, name, inputs, output=None, **attributes):
        """Adds a node with one output, named after the node unless `output` is given; returns the output's name."""
        output = output or name
        self.nodes.append(helper.make_node(operator, inputs, [output], name=name, **attributes))
        return output

    def conv(self, name, x, module):
        """Adds a 2-D convolution with the weights of a torch.nn.Conv2d."""
        inputs = [x, self.weight(name + ".weight", module.weight)]
        if module.bias is not None:
            inputs.append(self.weight(name + ".bias", module.bias))
        pad = list(module.padding)
        return self.node("Conv", name, inputs, kernel_shape=list(module.kernel_size), strides=list(module.stride),
                         pads=pad + pad, dilations=list(module.dilation), group=module.groups)

    def batch_norm(self, name, x, module):
        """Adds a batch normalization in its inference form, with the running statistics of the torch module."""
        inputs = [x, self.weight(name + ".scale", module.weight), self.weight(name + ".shift", module.bias),
                  self.weight(name + ".mean", module.running_mean), self.weight(name + ".variance", module.running_var)]
        return self.node("BatchNormalization", name, inputs, epsilon=module.eps)

    def save(self, path, output_name, output_shape):
        """Checks the finished graph (ONNX checker and strict shape inference) and writes it."""
        output = helper.make_tensor_value_info(output_name, TensorProto.FLOAT, output_shape)
        graph = helper.make_graph(self.nodes, self.name, self.inputs, [output], self.weights)
        model = helper.make_model(graph, producer_name="nibble samples", opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = IR_VERSION  # make_model writes the newest it knows; older runtimes refuse that
        checker.check_model(model, full_check=True)
        shape_inference.infer_shapes(model, strict_mode=True)
        onnx.save(model, path)
        return model


def weights_of(model):
    return {w.name: numpy_helper.to_array(w) for w in model.graph.initializer}


def evaluate(model, x, weights=None, after_step=lambda name, value: value):
    """Runs the graph of an ONNX file on a batch `x` (float32 array) and returns its only output as an array.

    `weights` replaces the file's own. `after_step` sees the input and every node's output by name, as torch tensors,
    and may return another value in its place. Knows the operators that the two networks use, and refuses any other.
    """
    weights = weights if weights is not None else weights_of(model)
    values = {name: torch.from_numpy(np.array(array)) for name, array in weights.items()}
    first = model.graph.input[0].name
    values[first] = after_step(first, torch.from_numpy(np.ascontiguousarray(x)))
    with torch.no_grad():
        for node in model.graph.node:
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            inputs = [values.get(i) for i in node.input]  # an input left out has the name ""
            output = node.output[0]
            values[output] = after_step(output, _evaluate_node(node.op_type, attributes, inputs))
    return values[model.graph.output[0].name].numpy()


def _evaluate_node(operator, attributes, inputs):
    x = inputs[0]
    if operator == "Conv":
        bias = inputs[2] if len(inputs) > 2 else None
        return F.conv2d(x, inputs[1], bias, attributes["strides"], attributes["pads"][:2])
    if operator == "BatchNormalization":
        scale, shift, mean, variance = inputs[1:]
        return F.batch_norm(x, mean, variance, scale, shift, eps=attributes["epsilon"])
    if operator == "Relu":
        return F.relu(x)
    if operator == "Add":
        return x + inputs[1]
    if operator == "MaxPool":
        return F.max_pool2d(x, attributes["kernel_shape"], attributes["strides"])
    if operator == "GlobalAveragePool":
        return x.mean((2, 3), keepdim=True)
    if operator == "Flatten":
        return x.flatten(1)
    if operator == "Gemm":
        return F.linear(x, inputs[1], inputs[2])  # written with transB = 1, so the weight is [out, in]
    if operator == "DepthToSpace":
        return F.pixel_shuffle(x, attributes["blocksize"])  # mode CRD is torch's order
    if operator == "Resize":
        scale = [float(s) for s in inputs[2][2:]]
        return F.interpolate(x, scale_factor=scale, mode="bilinear", align_corners=False)
    raise ValueError(f"evaluate: operator {operator} is not one of those the two networks use")


def fold_batch_norm(model):
    """The file's weights with every batch normalization folded into the convolution before it.

    Returns a full set of weights for `evaluate`: the convolution's weight carries the scale, the normalization keeps
    only the shift (scale 1, mean 0, variance 1 - epsilon). This is the form in which a converter rounds weights.
    """
    weights = dict(weights_of(model))
    made_by = {node.output[0]: node for node in model.graph.node}
    for node in model.graph.node:
        if node.op_type != "BatchNormalization":
            continue
        epsilon = [a.f for a in node.attribute if a.name == "epsilon"][0]
        _, scale_name, shift_name, mean_name, variance_name = node.input
        factor = weights[scale_name] / np.sqrt(weights[variance_name] + epsilon)
        conv_weight = made_by[node.input[0]].input[1]
        weights[conv_weight] = weights[conv_weight] * factor.reshape(-1, 1, 1, 1)
        weights[shift_name] = weights[shift_name] - weights[mean_name] * factor
        weights[scale_name] = np.ones_like(factor)
        weights[mean_name] = np.zeros_like(factor)
        weights[variance_name] = np.full_like(factor, 1.0 - epsilon)
    return weights


def round_per_channel(weight, bits):
    """Symmetric round-to-nearest with one scale per output channel (axis 0)."""
    flat = weight.reshape(len(weight), -1)
    top = 2 ** (bits - 1) - 1
    scale = np.maximum(np.abs(flat).max(axis=1, keepdims=True) / top, 1e-12)
    return (np.clip(np.rint(flat / scale), -top, top) * scale).reshape(weight.shape).astype(np.float32)


def round_in_groups(weight, bits=4, group=32):
    """Symmetric round-to-nearest in groups along the reduction, for weights [out, in, kh, kw] or [out, in].

    A group's scale is the fp32 scale of its output channel times an 8-bit integer, so that the largest absolute value
    of the group comes to lie at about 7 for 4 bits. The reduction runs in the order (kh, kw, in) with `in` padded to a
    multiple of 4, as nibble packs it, and its last group may be shorter.
    """
    wide = weight.reshape(*weight.shape[:2], -1).transpose(0, 2, 1)  # [out, kh * kw, in]
    wide = np.pad(wide, ((0, 0), (0, 0), (0, -wide.shape[2] % 4)))
    flat = wide.reshape(len(wide), -1)
    top = 2 ** (bits - 1) - 1
    channel_scale = np.maximum(np.abs(flat).max(axis=1, keepdims=True) / top / 255.0, 1e-12)
    rounded = np.empty_like(flat, dtype=np.float32)
    for start in range(0, flat.shape[1], group):
        part = flat[:, start:start + group]
        wanted = np.abs(part).max(axis=1, keepdims=True) / top
        scale = np.clip(np.rint(wanted / channel_scale), 1, 255) * channel_scale
        rounded[:, start:start + group] = np.clip(np.rint(part / scale), -top - 1, top) * scale
    rounded = rounded.reshape(wide.shape)[:, :, :weight.shape[1]].transpose(0, 2, 1)
    return np.ascontiguousarray(rounded).reshape(weight.shape)


def with_rounded_weights(model, bits, first_layer_bits=None):
    """Weights for `evaluate`, batch normalization folded, every Conv and Gemm weight rounded.

    8 bits: one scale per output channel; 4 bits: groups of 32. `first_layer_bits` sets the first layer apart.
    """
    weights = fold_batch_norm(model)
    layers = [node.input[1] for node in model.graph.node if node.op_type in ("Conv", "Gemm")]
    for index, name in enumerate(layers):
        layer_bits = first_layer_bits if index == 0 and first_layer_bits else bits
        rounder = round_per_channel if layer_bits == 8 else round_in_groups
        weights[name] = rounder(weights[name]) if layer_bits == 4 else rounder(weights[name], layer_bits)
    return weights


def with_rounded_activations(model, calibration, weights=None):
    """An `after_step` for `evaluate` that rounds every tensor to 8 bits (-127..127 with a zero point, per tensor).

    Ranges are the smallest and largest value seen on the batch `calibration`, widened to hold zero. A tensor that only
    a batch normalization or a Relu reads stays as it is: a converter fuses those three into one step.
    """
    ranges, readers = {}, {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node.op_type)

    def fused(name):
        return readers.get(name) in (["BatchNormalization"], ["Relu"])

    def watch(name, value):
        ranges[name] = (min(value.min().item(), 0.0), max(value.max().item(), 0.0))
        return value

    def rounded(name, value):
        if fused(name):
            return value
        low, high = ranges[name]
        scale = max(high - low, 1e-12) / 254.0
        zero = round(-127 - low / scale)
        return ((value / scale + zero).round().clamp(-127, 127) - zero) * scale

    evaluate(model, calibration, weights, watch)
    return rounded
