"""For who is stuck: hints for each exercise, from a nudge to nearly the answer.

They come one at a time, one for each try in which the check recognizes no well-known mistake.
"""

HINTS: dict[str, tuple[str, ...]] = {
    # 00
    "what_is_guessed": (
        "a black-and-white photo has one channel of Lab already",
        "L is lightness; write down the other two",
    ),
    "colorized": (
        "take a name that SAMPLES prints, or the path of a photo of yours",
        "colorize(sample_photo(NAME), model) is all it takes",
    ),
    # 01
    "srgb_decode": (
        "the curve has two pieces, joined at 0.04045: a straight line, and a power",
        "below the joint value / 12.92, above it ((value + 0.055) / 1.055) ** 2.4",
    ),
    "near_black": (
        "L = 116 f(Y) - 16: take the difference of two L, and the -16 is gone",
        "116 * 0.0001 ** (1 / 3) with the cube root; with the line, its slope times 116 * 0.0001",
    ),
    "rgb_to_lab": (
        "four steps: decode, matrix, divide by white, compress; then L, a and b",
        "L = 116 f(Y) - 16, a = 500 (f(X) - f(Y)), b = 200 (f(Y) - f(Z))",
    ),
    "hue_and_chroma": (
        "a and b are the legs of a right triangle; chroma is its long side",
        "torch.atan2(b, a) gives radians from -pi to pi; turn them into degrees from 0 to 360",
    ),
    "lookalikes": (
        "press `Keep this color`, then drag the marker: both stand side by side",
        "explorer.kept and explorer.picked are the two; pass them as a list",
    ),
    "same_lightness": (
        "press a pixel of the suit; then look on the round patch until L differs by less than 1",
        "press that one too: channels.kept and channels.pixel are the two; pass them as a list",
    ),
    # 02
    "thresholds": (
        "the sentence under the slider names what falls out; count what it gets wrong",
        "one of the two is between 2.5 and 3.5, the other between 4 and 5",
    ),
    "first_n": (
        "leave out what is no photograph first, and count after that",
        "filter the list, then slice it with [:n]",
    ),
    "dataset": (
        "it needs __init__, __len__ and __getitem__",
        "__getitem__ opens a file, resizes, converts to Lab and returns lab[:1], lab[1:]",
    ),
    "split": (
        "equal content must get equal sides, whatever the file is called",
        "hash the content, take the hexdigest as a number, and test it modulo 10",
    ),
    "doubles": (
        "the content is the file's bytes; the look is where it is darker and where lighter",
        "one is found by its content, two by their look",
    ),
    # 03
    "block": (
        "three times a convolution and a ReLU, and one BatchNorm at the end",
        "kernel 3 and padding 1 in all; only the last convolution has stride=2",
    ),
    "horizon": (
        "the widget under 'What one unit sees' shows half of the field to each side",
        "to see N pixels to one side, a field must be 2 N + 1 wide; look it up under RF",
    ),
    "far_sight": (
        "convolve a single 1 with kernels of ones, as in the first picture of taps",
        "begin with 1; then three views of 3 pixels, and three of 9, without gap or overlap",
    ),
    "which_layers": (
        "each way leaves its own sign: blocks, blur, repetition, or a checkerboard",
        "begin with the repeated rocket and the square blocks",
    ),
    "costs": (
        "count weights first; then ask at how many pixels they are used",
        "architecture_table(ColorizationNet(0.5), size=128) measures both; sum its rows",
    ),
    # 04
    "wrong_under_l2": (
        "the perfect network paints every scene like the lower row of the first scenes above",
        "look for the scene whose sky and ground are both far from grayish lilac, olive and slate",
    ),
    "training_step": (
        "the order is: loss, zero_grad, backward, step",
        "the loss is the mean squared error of ab / 110; return loss.item()",
    ),
    "broken_loops": (
        "read each loop against the training step above, line by line",
        "ask of each: are gradients cleared, is the network in the right mode, are units the same?",
    ),
    "kept_epoch": (
        "the slider of the forty epochs shows the rocket, and its sentence the validation error",
        "the run would have stopped five epochs after an early best one, between 10 and 20",
    ),
    # 05
    "auc": (
        "the area under a cumulative curve up to 150 has to do with the mean error",
        "1 - errors.clamp(max=150).mean() / 150",
    ),
    "colorfulness": (
        "two opponent channels: rg = R - G, and yb = (R + G) / 2 - B",
        "the root of the summed variances, and 0.3 times the length of the two means",
    ),
    "worse_of_two": (
        "a cautious color is rarely worse than gray; a wrong one often is",
        "the network is the worse one in two of the five",
    ),
    "upper_b": (
        "turn L upside down before the network sees it, and turn the answer back",
        "rows are dimension 2: L.flip(2); the upper third is ab[0, 1, : height // 3]",
    ),
    # 06
    "soft_encoded": (
        "distances to all bins, the 5 smallest, a Gaussian of each",
        "exp(-d ** 2 / (2 * 5 ** 2)), divided by their sum, the other bins 0",
    ),
    "annealed_mean": (
        "p ** (1 / T) is exp(log(p) / T), and softmax takes exponentials without running out",
        "torch.softmax(probabilities.log() / T, dim=0), times the centers",
    ),
    "counts_most": (
        "a bin weighs much where landscapes hardly ever have its color",
        "bins.nearest_bin gives the bin of each pixel, and weights[bin] its weight; take the mean",
    ),
    "patchy": (
        "at T = 1 each pixel gets the mean of red and blue; for T -> 0 the likelier of the two",
        "torch.dist of the two answers, once for each temperature",
    ),
    # 07
    "hint_weights": (
        "a Gaussian of the step in L from the pixel to each neighbor",
        "exp(-(around - level) ** 2 / (2 * sigma ** 2)), divided by their sum",
    ),
    "system_row": (
        "each equation says what is 0, or what a hint is, of the colors of all pixels",
        "start with zeros and a 1 at the pixel; without a hint, subtract the weights",
    ),
    "three_hints": (
        "put the first where the largest surface has the wrong color",
        "the original's own colors: sample_photo('coffee').getpixel((x, y)), in pixels",
    ),
    "stopped_leak": (
        "look where red passes the ring: L is the same on both sides there",
        "a row near 20, and a column a little beyond the ring's right side",
    ),
    # 08
    "stretched": (
        "np.percentile gives both ends at once",
        "(gray - low) / (high - low), clipped to 0..1",
    ),
    "trimmed": (
        "np.ptp(gray, axis=1) says of each row how far its lightest and darkest pixel are apart",
        "np.flatnonzero of where that is over 0.1: slice from its first to its last, inclusive",
    ),
    "all_reduce_seconds": (
        "a part is one Nth of the gradient, and each round sends one part",
        "there are 2 * (N - 1) rounds",
    ),
    "my_shards": (
        "deal them out like cards",
        "a slice may have a step: shards[start::step]",
    ),
    "card": (
        "network_card(data=..., use=..., limits=...) returns the whole card as text",
        "say whose photographs they are, where it fails, and that its colors are guesses",
    ),
}
