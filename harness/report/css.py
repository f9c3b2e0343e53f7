# SPDX-License-Identifier: GPL-2.0-only
"""The style sheet of ``report.html``: light and dark, wide and narrow, nothing loaded from elsewhere."""

CSS = """
:root { color-scheme: light dark; --fg: #1c2128; --soft: #59636e; --bg: #ffffff; --card: #f6f8fa; --line: #d1d9e0;
  --good: #1a7f37; --bad: #cf222e; --warn: #9a6700; --badbg: #ffebe9; --goodbg: #dafbe1; --link: #0969da; }
@media (prefers-color-scheme: dark) { :root { --fg: #e6edf3; --soft: #9198a1; --bg: #0d1117; --card: #161b22;
  --line: #3d444d; --good: #3fb950; --bad: #ff7b72; --warn: #d29922; --badbg: #301a1f; --goodbg: #12261e;
  --link: #4493f8; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem 1rem 4rem; background: var(--bg); color: var(--fg);
  font: 15px/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
h1 { font-size: 1.1rem; font-weight: 600; margin: 0; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .7rem; }
h2 small, .soft { color: var(--soft); font-weight: 400; font-size: .9rem; }
code, pre { font: 12.5px/1.5 ui-monospace, SFMono-Regular, Menlo, monospace; }
pre { margin: .6rem 0; padding: .7rem .9rem; background: var(--bg); border: 1px solid var(--line); border-radius: 6px;
  overflow-x: auto; max-height: 28rem; overflow-wrap: normal; }
header { border: 1px solid var(--line); border-left: 6px solid var(--good); border-radius: 8px; padding: 1rem 1.2rem;
  background: var(--goodbg); }
header.bad { border-left-color: var(--bad); background: var(--badbg); }
header p { margin: .3rem 0 0; font-size: 1.05rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.2rem; margin: 1.2rem 0; }
dt { color: var(--soft); } dd { margin: 0; min-width: 0; } code { overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .4rem .7rem; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; } thead th { color: var(--soft); font-size: .85rem; }
tbody th { font-weight: 400; }
details { background: var(--card); border: 1px solid var(--line); border-radius: 8px; margin: .5rem 0; }
details > :not(summary) { margin-left: 1rem; margin-right: 1rem; }
summary { cursor: pointer; padding: .55rem 1rem; }
summary .what { font-weight: 600; } summary p { margin: .1rem 0 0; color: var(--soft); }
.badge { display: inline-block; padding: 0 .5rem; border-radius: 1rem; border: 1px solid currentColor;
  font-size: .78rem; line-height: 1.5; white-space: nowrap; }
.badge + .badge { margin-left: .3rem; }
.pass, .fixed, .coverage-gained { color: var(--good); }
.fail, .error, .missing, .new-failure { color: var(--bad); }
.skip, .known, .pre-existing, .flaky, .coverage-lost, .not-comparable { color: var(--warn); }
.nums span { margin-right: .9rem; white-space: nowrap; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; } }
"""
