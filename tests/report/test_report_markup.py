"""Cells to HTML: mathematics, cleaning, outputs."""

import re

import pytest

from analysis.report.markup import clean, code, markdown, mathml, output_html


@pytest.mark.parametrize(
    ("tex", "found"),
    [
        (r"\beta_{it}", "<msub>"),
        (r"\frac{1}{N}\sum_{i} \hat{\varepsilon}_{it}", "<mfrac>"),
        (r"\ln P_{it} = \beta \ln R_{i,t-1} + \alpha_i + \gamma_t", "<mi>"),
        (r"\begin{cases} 1 & x \ge 0 \\ 0 & x < 0 \end{cases}", "<mtable"),
    ],
)
def test_mathematics_becomes_mathml(tex: str, found: str) -> None:
    markup = mathml(tex)
    assert markup.startswith("<math ") and found in markup
    assert "http" not in markup and "alttext=" in markup


def test_functions_and_relations_are_spaced() -> None:
    assert "<mo>&#x0223C;</mo>" in mathml(r"\varepsilon \sim N")
    assert '<mo lspace="0.17em" rspace="0.17em">ln</mo>' in mathml(r"\ln P")
    assert '<mo lspace="0.17em" rspace="0.17em">Var</mo>' in mathml(r"\operatorname{Var}(x)")


@pytest.mark.parametrize("tex", [r"\nosuchcommand{x}", r"\frac{a", r"a}", r"x_"])
def test_what_cannot_be_converted_is_shown_as_source(tex: str) -> None:
    assert mathml(tex).startswith('<code class="tex">')


def test_markdown_with_mathematics_and_dollars() -> None:
    markup = markdown(
        "Slope $\\beta$, price \\$5.\n\n$$y = x^2$$\n\n\\begin{align}a&=b\\end{align}"
    )
    assert markup.count("<math") == 3
    assert "$5" in markup and "$$" not in markup
    assert markup.count('class="math"') == 2 and "(1)" not in markup


def test_headings_get_ids_and_notebook_links_become_pages() -> None:
    markup = markdown("## What we *found*: R&D\n\n[a](03_x.ipynb#b) [c](https://ec.europa.eu/x)")
    assert '<h2 id="what-we-found-r-d">' in markup
    assert 'href="03_x.html#b"' in markup and 'href="https://ec.europa.eu/x"' in markup


def test_cleaning_removes_whatever_would_run_or_be_fetched() -> None:
    markup = clean(
        "<script src='https://cdn/x.js'></script><style>p{}</style><link href='https://x/y.css'>"
        "<p onclick='x()' style='color:red'>text</p><iframe src='https://x'></iframe>"
        "<img src='https://x/y.png' alt='a map'><img src='local.png'>"
        "<a href='javascript:x()'>bad</a><a href='https://ec.europa.eu'>good</a>"
        "<img src='data:image/png;base64,AA==' alt='kept'>"
    )
    assert not re.search(
        r"<script|javascript|<style|<link|iframe|onclick|style=|cdn|y\.png|local\.png", markup
    )
    assert "[image not carried: a map]" in markup
    assert '<a href="https://ec.europa.eu">good</a>' in markup and "<a>bad</a>" in markup
    assert 'alt="kept"' in markup


@pytest.mark.parametrize(
    ("markup", "cleaned"),
    [
        ("<!--><img src=x onerror='x()'>-->text", "text"),
        ("<![CDATA[><img src=x onerror='x()'>]]>text", "text"),
        ("<?x ><b onclick='x()'>text</b>", "<b>text</b>"),
        ("<!x><b onclick='x()'>text</b>", "<b>text</b>"),
        (
            "<svg><a><animate attributeName=href values='javascript:x()'></animate>text</a></svg>",
            "<svg><a>text</a></svg>",
        ),
        (
            "<svg><a><set attributeName=href to='javascript:x()'></set>text</a></svg>",
            "<svg><a>text</a></svg>",
        ),
        ("<svg><a xlink:href='javascript:x()'>text</a></svg>", "<svg><a>text</a></svg>"),
        ("<a href='java\nscript:x()'>text</a>", "<a>text</a>"),
        ("<a href='&#106;avascript:x()'>text</a>", "<a>text</a>"),
        ("<template shadowrootmode=open><img src=x onerror='x()'></template>text", "text"),
        ("<details open ontoggle='x()'>text</details>", '<details open="">text</details>'),
        ("<meta http-equiv=refresh content='0;url=javascript:x()'>text", "text"),
    ],
)
def test_what_a_browser_would_run_is_gone(markup: str, cleaned: str) -> None:
    assert clean(markup) == cleaned


@pytest.mark.parametrize(
    "source",
    [
        "[text](javascript:x())",
        "<javascript:x()>",
        "$\\href{javascript:x()}{y}$",
        "[text][a]\n\n[a]: javascript:x()",
    ],
)
def test_markdown_makes_no_link_that_runs(source: str) -> None:
    assert "href" not in markdown(source).replace("\\href", "")


def test_a_plain_frame_is_dressed() -> None:
    import numpy as np
    import pandas as pd

    frame = pd.DataFrame({"geo": ["FR10", "DE30"], "x": [-1.5, np.nan], "n": [12, 3]})
    markup = clean(frame.to_html())
    assert 'class="scroll" role="region" tabindex="0"' in markup.replace("  ", " ")
    assert '<td class="text">FR10</td>' in markup
    assert '<td class="number">-1.5</td>' in markup
    assert '<td class="number">–</td>' in markup and "NaN" not in markup
    assert re.search(r'<th class="number">n</th>', markup)
    assert "border=" not in markup


def test_streams_and_errors() -> None:
    stdout = output_html({"output_type": "stream", "name": "stdout", "text": "a < b"})
    assert stdout == "<pre>a &lt; b</pre>"
    stderr = output_html(
        {"output_type": "stream", "name": "stderr", "text": "\x1b[31mwarning\x1b[0m\ntwo"}
    )
    assert "<details" in stderr and "(2 lines)" in stderr and "\x1b" not in stderr
    error = output_html({"output_type": "error", "traceback": ["\x1b[31mValueError\x1b[0m: no"]})
    assert error == '<pre class="error">ValueError: no</pre>'


def test_the_richest_form_of_an_object_is_shown() -> None:
    def shown(**data: str) -> str:
        kinds = {key.replace("_", "/"): value for key, value in data.items()}
        return output_html({"output_type": "display_data", "data": kinds})

    assert shown(text_plain="plain", text_html="<b>rich</b>") == "<b>rich</b>"
    assert "<em>md</em>" in shown(text_plain="plain", text_markdown="*md*")
    assert 'src="data:image/png;base64,QUJD"' in shown(text_plain="p", image_png="QU\nJD\n")
    assert "Figure without a description" in shown(image_png="QUJD")
    assert shown(text_plain="<Axes>") == "<pre>&lt;Axes&gt;</pre>"
    assert "<msup>" in shown(text_latex="$x^2$")


def test_code_is_coloured_by_class_only() -> None:
    markup = code("def f():\n    return 'x' < 3\n")
    assert 'class="k"' in markup and "style=" not in markup and "&lt;" in markup
