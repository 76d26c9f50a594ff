"use strict";
const rows=JSON.parse(document.getElementById("data").textContent),form=document.querySelector("form");
const list=document.getElementById("list"),end=document.getElementById("end"),BATCH=30;
const texts=rows.map(r=>[r.id,r.benchmark,r.item,flat(r.problem),flat(r.other||[])].join("\n").toLowerCase());
const FIELDS=["q","benchmark","rule","verdict","score"];
let found=[],shown=0;
function flat(pieces){return pieces.map(p=>typeof p==="string"?p:p[1]).join("")}
function make(tag,name,text){
  const e=document.createElement(tag);
  if(name)e.className=name;
  if(text!==undefined)e.textContent=text;
  return e;
}
function said(pieces){
  const p=make("p","text");
  for(const one of pieces)p.append(typeof one==="string"?one:make("mark",one[0]===2?"word":"",one[1]));
  return p;
}
function card(at){
  const r=rows[at],a=make("article",r.verdict),top=make("header"),two=make("div","two");
  a.tabIndex=-1;a.dataset.at=at;
  const score=make("span","score"),bar=make("i");
  bar.style.setProperty("--s",r.score);
  score.append(bar,r.score.toFixed(2));score.title="0.5 is the threshold of the rule, 1 the whole item";
  top.append(make("h2","",r.rule),score,make("span","pill "+r.verdict,r.verdict));
  if(r.judge)top.append(make("span","judge","judge: "+r.judge));
  top.append(make("code","",r.id));
  const left=make("section"),right=make("section");
  left.append(make("h3","","Problem, row "+r.row),said(r.problem));
  right.append(make("h3","",r.benchmark?r.benchmark+" · "+r.item:"no benchmark"));
  right.append(r.other?said(r.other):make("p","none",r.benchmark
    ?"Only hashes of it were at hand: compare with its file to see it.":"There was nothing to compare."));
  two.append(left,right);a.append(top,two);
  return a;
}
function more(){
  const part=document.createDocumentFragment();
  for(const at of found.slice(shown,shown+BATCH))part.append(card(at));
  list.append(part);shown=Math.min(shown+BATCH,found.length);
}
function near(){while(shown<found.length&&end.getBoundingClientRect().top<innerHeight*2)more()}
function value(name){return form.elements[name].value}
function show(){
  const q=value("q").toLowerCase().split(/\s+/).filter(Boolean),least=+value("score");
  const is=(name,r)=>!value(name)||r[name]===value(name);
  found=[];
  rows.forEach((r,at)=>{
    if(r.score>=least&&is("benchmark",r)&&is("rule",r)&&is("verdict",r)&&q.every(w=>texts[at].includes(w)))
      found.push(at);
  });
  list.replaceChildren();shown=0;near();
  if(!found.length)list.append(make("p","none","No match fits all of these filters."));
  form.elements.least.value=least.toFixed(2);
  form.elements.count.value=found.length.toLocaleString("en")+" of "+rows.length.toLocaleString("en");
  const kept=new URLSearchParams(FIELDS.filter(n=>value(n)&&value(n)!=="0").map(n=>[n,value(n)]));
  form.querySelector(".clear").hidden=!kept.size;
  try{history.replaceState(null,"",kept.size?"#"+kept:location.pathname+location.search)}catch{}
}
function set(values){
  for(const name of FIELDS)form.elements[name].value=values[name]??(name==="score"?"0":"");
  show();
}
function step(by){
  const cards=[...list.querySelectorAll("article")],at=cards.indexOf(document.activeElement.closest("article"));
  let to=at<0?(by>0?cards.findIndex(c=>c.getBoundingClientRect().bottom>80):-1):at+by;
  if(to>=cards.length-2)more();
  const next=list.querySelectorAll("article")[to];
  if(next){next.focus({preventScroll:true});next.scrollIntoView({block:"nearest"})}
}
let wait;
form.addEventListener("input",e=>{clearTimeout(wait);wait=setTimeout(show,e.target.name==="q"?80:0)});
form.addEventListener("submit",e=>e.preventDefault());
form.querySelector(".clear").addEventListener("click",()=>{set({});form.elements.q.focus()});
document.querySelector("table").addEventListener("click",e=>{
  const b=e.target.closest("button");
  if(b){set({benchmark:b.dataset.benchmark,rule:b.dataset.rule});form.scrollIntoView({block:"start"})}
});
document.addEventListener("keydown",e=>{
  const typing=e.target.matches("input,select");
  if(e.key==="Escape"&&typing)e.target.blur();
  if(typing||e.ctrlKey||e.metaKey||e.altKey)return;
  if(e.key==="j"||e.key==="k"){step(e.key==="j"?1:-1);e.preventDefault()}
  if(e.key==="/"){form.elements.q.focus();e.preventDefault()}
});
addEventListener("scroll",near,{passive:true});addEventListener("resize",near);
function read(){set(Object.fromEntries(new URLSearchParams(location.hash.slice(1))))}
addEventListener("hashchange",read);read();
