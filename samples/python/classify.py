"""Runs a network with one float input on a ramp of values and prints its best output.

    NIBBLE_LIBRARY=build/engine/package/libnibble.so python3 samples/python/classify.py MODEL.nbl
"""

import sys

import numpy as np

import nibble


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: classify.py MODEL.nbl")
    try:
        device = nibble.Device()
        session = nibble.Session(device, nibble.Model(sys.argv[1]))
        tensor = session.inputs[0]
        count = int(np.prod(tensor.shape))
        ramp = (np.arange(count, dtype=np.float32) / np.float32(count)).reshape(tensor.shape)
        scores = session.run({tensor.name: ramp})[session.outputs[0].name].ravel()
    except nibble.Error as error:
        sys.exit(f"error {error.code}: {error}")
    print(f"nibble {nibble.version()} on {device.name}")
    print(f"best output {int(scores.argmax())} of {scores.size}: {scores.max():f}")


if __name__ == "__main__":
    main()
