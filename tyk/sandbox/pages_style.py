"""The pages' only style sheet; its hash goes into the content security policy."""

STYLE = """
:root { color-scheme: light dark;
  --ink: #1c2430; --dull: #5b6675; --paper: #f7f8fa; --card: #fff; --line: #dfe3e9;
  --good: #0d6b3f; --wait: #8a5a00; --bad: #a8201a; --link: #1d4fa3; }
@media (prefers-color-scheme: dark) { :root {
  --ink: #e7ebf1; --dull: #9aa6b5; --paper: #12161c; --card: #1a2029; --line: #2c3542;
  --good: #5fd39a; --wait: #f0b854; --bad: #ff8a80; --link: #8db8ff; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
header, main { max-width: 76rem; margin: 0 auto; padding: 1rem 1.25rem; }
h1 { margin: 0; font-size: 1.4rem; }
h2 { margin: 0 0 .6rem; font-size: 1.05rem; }
small, .none, header p { color: var(--dull); font-weight: 400; margin: .2rem 0; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin-top: .6rem; }
a { color: var(--link); }
a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
section { background: var(--card); border: 1px solid var(--line);
  border-radius: .5rem; padding: 1rem; margin-bottom: 1.25rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .4rem .75rem .4rem 0;
  border-top: 1px solid var(--line); }
thead th { border-top: 0; color: var(--dull); font-weight: 600; white-space: nowrap; }
code { font-size: .85em; }
.tag { font-weight: 600; }
.tag, time { white-space: nowrap; }
.good { color: var(--good); } .wait { color: var(--wait); }
.bad { color: var(--bad); } .dull { color: var(--dull); }
"""
