"""The browser that the tests drive, and what they ask of a page in it."""

import shutil

BROWSER = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
# The least contrast of a part's text with what lies behind it, as WCAG 2 defines it.
CONTRAST = """part => {
    const numbers = color => color.match(/[\\d.]+/g).map(Number);
    const luminance = color => {
        const [r, g, b] = numbers(color).map(c => c / 255)
            .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = node => {
        for (; node; node = node.parentElement) {
            const color = getComputedStyle(node).backgroundColor;
            if ((numbers(color)[3] ?? 1) > 0.5) return color;
        }
        return 'rgb(255, 255, 255)';
    };
    const texts = [...part.querySelectorAll('*')].filter(node => !node.disabled
        && [...node.childNodes].some(child => child.nodeType === 3 && child.data.trim()));
    return Math.min(21, ...texts.map(node => {
        const both = [luminance(getComputedStyle(node).color), luminance(behind(node))];
        return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    }));
}"""
