"""The template in somebody's own office: opened, typed into, saved, and pushed. LibreOffice does it, by a macro."""

import shutil
import subprocess
import zipfile
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.imports.pushing import REGIONS, counts, receipt
from tests.imports.test_large import shown
from tests.world import World

OFFICE = shutil.which("soffice")
pytestmark = pytest.mark.skipif(OFFICE is None, reason="LibreOffice (soffice) is not installed here")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# As it is typed, into cells as the template made them.
TYPED = {
    "外部编号 *": "00017",
    "项目名称 *": "草畜平衡试点ᠮᠣᠩᠭᠣᠯ😀（示例）",
    "所属地区 *": "152501 二连浩特市",
    "主要转化模式 *": "生态农业",
    "其他转化模式": "生态旅游、“生态+”复合产业",
    "投资主体 *": "示例牧业有限公司（示例）",
    "主体类型 *": "企业",
    "统一社会信用代码": "91152501MA0000023E",
    "建设内容 *": "草畜平衡核定，载畜量监测（示例）",
    "建设阶段 *": "在建",
    "开工日期": "2026-05-01",
    "竣工日期": "2028-10-30",
    "中央计划（万元）": "889",
    "中央完成（万元）": "=800/4+61.6639",
    "新增就业（人）": "12",
    "经度": "112.0517",
    "纬度": "43.7905",
}
_MACRO = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE script:module PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "module.dtd">
<script:module xmlns:script="http://openoffice.org/2000/script" script:name="Module1" script:language="StarBasic">
Function Named(n As String, v As Variant) As Object
  Dim p As New com.sun.star.beans.PropertyValue
  p.Name = n : p.Value = v
  Named = p
End Function
Sub Put(sheet As Object, title As String, typed As String)
  Dim c As Long
  For c = 0 To 200
    If sheet.getCellByPosition(c, 0).String = title Then
      sheet.getCellByPosition(c, 2).FormulaLocal = typed
      Exit Sub
    End If
  Next c
End Sub
Sub Main
  Dim doc As Object
  doc = StarDesktop.loadComponentFromURL("{source}", "_blank", 0, Array(Named("Hidden", True)))
  {puts}
  doc.storeToURL("{target}", Array(Named("FilterName", "Calc MS Excel 2007 XML")))
  doc.close(True)
End Sub
</script:module>
"""
_LIBRARY = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE library:library PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" "library.dtd">
<library:library xmlns:library="http://openoffice.org/2000/library" library:name="Standard" library:readonly="false"
 library:passwordprotected="false"><library:element library:name="Module1"/></library:library>
"""


def office(folder: Path, *arguments: str) -> None:
    assert OFFICE is not None
    profile = f"-env:UserInstallation={(folder / 'profile').as_uri()}"
    done = subprocess.run(
        [OFFICE, profile, "--headless", "--norestore", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def converted(folder: Path, source: Path, form: str, name: str) -> Path:
    """Under another name, for the same one would be written over."""
    out = folder / name
    office(folder, "--convert-to", form, "--outdir", str(out), str(source))
    [made] = out.iterdir()
    return made


def fill(folder: Path, source: Path, target: Path) -> None:
    office(folder, "--convert-to", "ods", "--outdir", str(folder / "first"), str(source))  # makes the profile
    puts = "\n  ".join(
        f'Put(doc.Sheets.getByIndex(0), "{title}", "{typed}")'.replace("&", "&amp;") for title, typed in TYPED.items()
    )
    macro = _MACRO.replace("{puts}", puts)
    for name, path in (("{source}", source), ("{target}", target)):
        macro = macro.replace(name, "file://" + quote(str(path)))
    basic = folder / "profile" / "user" / "basic" / "Standard"
    basic.mkdir(parents=True, exist_ok=True)
    (basic / "Module1.xba").write_text(macro, encoding="utf-8")
    (basic / "script.xlb").write_text(_LIBRARY, encoding="utf-8")
    office(folder, "macro:///Standard.Module1.Main")


async def test_filled_in_libreoffice_and_pushed(world: World, tmp_path: Path) -> None:
    machine = await world.machine(*REGIONS)
    template, filled = tmp_path / "template.xlsx", tmp_path / "filled.xlsx"
    template.write_bytes((await machine.get("/v1/imports/projects/template.xlsx")).content)
    fill(tmp_path, template, filled)
    told = await receipt(machine, filled.read_bytes(), media_type=XLSX)
    assert counts(told) == {"created": 1}, told
    project = await shown(machine, f"/v1/projects/{told['rows'][0]['id']}")
    assert project["name"] == TYPED["项目名称 *"]
    assert (project["starts_on"], project["ends_on"]) == ("2026-05-01", "2028-10-30")
    assert [(line["source"], line["planned"], line["done"]) for line in project["funding"]] == [
        ("central", "8890000.00", "2616639.00")
    ]
    assert project["location"] == {"type": "Point", "coordinates": [112.0517, 43.7905]}
    assert (told["rows"][0]["external_id"], len(project["secondary_modes"])) == ("00017", 2)
    # The drop-downs and their notes are still there for the next who opens it.
    sheet = zipfile.ZipFile(filled).read("xl/worksheets/sheet1.xml").decode()
    assert sheet.count('type="list"') >= 6
    assert "promptTitle" in sheet
    # By way of the office's own form, and as text in both encodings, it is still the same.
    ods = converted(tmp_path, filled, "ods", "ods")
    again = converted(tmp_path, ods, "xlsx", "again")
    assert counts(await receipt(machine, again.read_bytes(), media_type=XLSX)) == {"unchanged": 1}
    for number, charset in ((76, "utf-8"), (85, "gb18030")):
        form = f"csv:Text - txt - csv (StarCalc):44,34,{number},1,,0,false,true"
        text = converted(tmp_path, again, form, charset).read_bytes()
        for media_type in ("text/csv", f"text/csv; charset={charset}"):
            assert counts(await receipt(machine, text, media_type=media_type)) == {"unchanged": 1}


async def test_decimals_are_shown_as_they_are(world: World, tmp_path: Path) -> None:
    """What is written as it is shown is what is printed, too."""
    machine = await world.machine(*REGIONS)
    template = tmp_path / "template.xlsx"
    template.write_bytes((await machine.get("/v1/imports/projects/template.xlsx")).content)
    form = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true"
    example = converted(tmp_path, template, form, "shown").read_text(encoding="utf-8").splitlines()[1]
    assert ",889,261.6639," in example
    assert ",112.0161,43.5302," in example
